//! Names on the server, and the removal of what a killed run left there.

use std::time::{SystemTime, UNIX_EPOCH};

use slipway_store::schema::MIGRATOR;
use sqlx::postgres::PgConnection;

const PREFIX: &str = "slipway_test_";

/// Names everything of this process: its id and its start. Also the name of its connection to the server, by which
/// others see that it lives.
#[derive(Debug, Clone)]
pub(crate) struct Run(String);

impl Run {
    #[expect(
        clippy::disallowed_methods,
        reason = "tells one run from another of the same process id; no test reads it"
    )]
    pub(crate) fn of_this_process() -> Self {
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        Self(format!("{PREFIX}{}_{started}", std::process::id()))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    pub(crate) fn database(&self, number: u64) -> String {
        format!("{}_{number}", self.0)
    }

    /// The template's name carries a hash of the migrations, so that one sees which schema it has.
    pub(crate) fn template(&self) -> String {
        let mut hash = 0_u32;
        for byte in MIGRATOR.iter().flat_map(|migration| migration.checksum.iter()) {
            hash = hash.wrapping_mul(31).wrapping_add(u32::from(*byte));
        }
        format!("{}_template_{hash:08x}", self.0)
    }
}

/// The run that a database belongs to, if it is one of ours.
fn run_of(database: &str) -> Option<&str> {
    let rest = database.strip_prefix(PREFIX)?;
    let mut parts = rest.splitn(3, '_');
    let (pid, started) = (parts.next()?, parts.next()?);
    parts.next()?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (number(pid) && number(started)).then(|| &database[..PREFIX.len() + pid.len() + 1 + started.len()])
}

/// Drops the databases of runs that live no more.
pub(crate) async fn sweep(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let databases = sqlx::query_scalar::<_, String>("SELECT datname FROM pg_database WHERE starts_with(datname, $1)")
        .bind(PREFIX)
        .fetch_all(&mut *connection)
        .await?;
    for database in databases {
        let Some(run) = run_of(&database) else { continue };
        let lives = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = $1)";
        let lives = sqlx::query_scalar::<_, bool>(lives)
            .bind(run)
            .fetch_one(&mut *connection)
            .await?;
        if !lives {
            drop_database(connection, &database).await?;
        }
    }
    Ok(())
}

pub(crate) async fn create_database(
    connection: &mut PgConnection,
    name: &str,
    template: Option<&str>,
) -> Result<(), sqlx::Error> {
    let statement = match template {
        Some(template) => format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\""),
        None => format!("CREATE DATABASE \"{name}\""),
    };
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn drop_database(connection: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let statement = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_taken_for_leftovers() {
        assert_eq!(run_of("slipway_test_12_345_6"), Some("slipway_test_12_345"));
        assert_eq!(run_of("slipway_test_12_345_template_00ff"), Some("slipway_test_12_345"));
        for other in [
            "slipway",
            "slipway_test_",
            "slipway_test_12_345",
            "slipway_test_x_1_2",
            "slipway_test__1_2",
        ] {
            assert_eq!(run_of(other), None, "{other}");
        }
        let run = Run::of_this_process();
        assert_eq!(run_of(&run.template()), Some(run.name()));
        assert_eq!(run_of(&run.database(7)), Some(run.name()));
        assert!(run.template().len() < 64, "PostgreSQL cuts longer names");
    }
}
