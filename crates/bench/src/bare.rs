//! The limit of writing: whole columns, as the server itself sends them, put into the same tables by `UNNEST`.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgConnection, PgPool, PgTypeInfo};
use sqlx::{AssertSqlSafe, Connection, Encode, Postgres, Row, Type, ValueRef};

use crate::Result;

/// A table and how rows of one application are found in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    name: &'static str,
    condition: &'static str,
    order: &'static str,
    key: &'static str,
}

impl Table {
    /// Of the applications themselves.
    pub(crate) const APPLICATIONS: Self = Self {
        name: "applications",
        condition: "true",
        order: "id",
        key: "id",
    };
    /// What a batch of new deployments is written into.
    pub(crate) const WRITTEN: &[Self] = &[
        Self {
            name: "deployments",
            condition: "application_id = $1::uuid",
            order: "id",
            key: "id",
        },
        Self {
            name: "deployment_payloads",
            condition: "deployment_id IN (SELECT id FROM deployments WHERE application_id = $1::uuid)",
            order: "deployment_id",
            key: "deployment_id",
        },
        Self {
            name: "transitions",
            condition: "deployment_id IN (SELECT id FROM deployments WHERE application_id = $1::uuid)",
            order: "deployment_id, version",
            key: "",
        },
        Self {
            name: "events",
            condition: "application_id = $1::uuid",
            order: "seq",
            key: "",
        },
    ];
}

/// Rows of one table.
#[derive(Debug)]
pub(crate) struct Rows {
    table: Table,
    names: Vec<String>,
    columns: Vec<Column>,
}

/// A whole column, an array as it goes over the wire.
#[derive(Debug, Clone)]
struct Column {
    r#type: PgTypeInfo,
    bytes: Vec<u8>,
}

impl Type<Postgres> for Column {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("unknown")
    }
}

impl Encode<'_, Postgres> for Column {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <&[u8] as Encode<'_, Postgres>>::encode_by_ref(&self.bytes.as_slice(), buffer)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.r#type.clone())
    }
}

/// The rows of one application in these tables.
pub(crate) async fn read(pool: &PgPool, tables: &[Table], application: &str) -> Result<Vec<Rows>> {
    let mut found = Vec::new();
    for table in tables {
        found.extend(read_table(pool, *table, Some(application)).await?);
    }
    Ok(found)
}

/// Copies rows from one database to another.
pub(crate) async fn copy(from: &PgPool, to: &PgPool, table: Table, application: Option<&str>) -> Result<()> {
    let rows = read_table(from, table, application).await?;
    let mut conn = to.acquire().await?;
    insert(&mut conn, rows.as_slice()).await
}

async fn read_table(pool: &PgPool, table: Table, application: Option<&str>) -> Result<Option<Rows>> {
    let Table {
        name, condition, order, ..
    } = table;
    let names = sqlx::query_scalar::<_, String>(
        "SELECT quote_ident(column_name::text) FROM information_schema.columns
         WHERE table_name = $1 AND table_schema = current_schema() AND is_generated = 'NEVER'
         ORDER BY ordinal_position",
    )
    .bind(name)
    .fetch_all(pool)
    .await?;
    let arrays: Vec<String> = names.iter().map(|column| format!("array_agg({column})")).collect();
    let sql = format!(
        "SELECT {} FROM (SELECT * FROM {name} WHERE {condition} ORDER BY {order}) AS found",
        arrays.join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    if let Some(application) = application {
        query = query.bind(application);
    }
    let row = query.fetch_one(pool).await?;
    let mut columns = Vec::new();
    for at in 0..names.len() {
        let value = row.try_get_raw(at)?;
        if value.is_null() {
            return Ok(None);
        }
        columns.push(Column {
            r#type: value.type_info().into_owned(),
            bytes: value.as_bytes()?.to_vec(),
        });
    }
    Ok(Some(Rows { table, names, columns }))
}

/// Puts them into their tables, in one transaction.
pub(crate) async fn insert<'a>(conn: &mut PgConnection, batch: impl IntoIterator<Item = &'a Rows>) -> Result<()> {
    let mut transaction = conn.begin().await?;
    for rows in batch {
        execute(&mut transaction, rows, "").await?;
    }
    Ok(transaction.commit().await?)
}

/// The same again where all of them are there: what has a key of its own is compared and left as it is.
pub(crate) async fn replay(conn: &mut PgConnection, batch: &[Rows]) -> Result<()> {
    let mut transaction = conn.begin().await?;
    for rows in batch.iter().filter(|rows| !rows.table.key.is_empty()) {
        let of = |prefix: &str| {
            let names = rows.names.iter().map(|column| format!("{prefix}.{column}"));
            names.collect::<Vec<_>>().join(", ")
        };
        let changes: Vec<String> = rows
            .names
            .iter()
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        let more = format!(
            " ON CONFLICT ({}) DO UPDATE SET {} WHERE ({}) IS DISTINCT FROM ({})",
            rows.table.key,
            changes.join(", "),
            of("old"),
            of("excluded")
        );
        execute(&mut transaction, rows, &more).await?;
    }
    Ok(transaction.commit().await?)
}

async fn execute(conn: &mut PgConnection, rows: &Rows, more: &str) -> Result<()> {
    let places: Vec<String> = (1..=rows.columns.len()).map(|at| format!("${at}")).collect();
    let sql = format!(
        "INSERT INTO {} AS old ({}) SELECT * FROM UNNEST({}){more}",
        rows.table.name,
        rows.names.join(", "),
        places.join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for column in &rows.columns {
        query = query.bind(column);
    }
    query.execute(conn).await?;
    Ok(())
}
