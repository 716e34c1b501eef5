//! What a migration may not do to a database that others work on. `migrations/README.md` says why, and what to do instead.

/// Tables that grow with history: nothing may walk through one of them under a lock.
const BIG: [&str; 7] = [
    "DEPLOYMENTS",
    "TRANSITIONS",
    "DEPLOYMENT_PAYLOADS",
    "DEPLOYMENT_LOGS",
    "DEPLOYMENT_LOG_CHUNKS",
    "EVENTS",
    "AUDIT_LOG",
];
const VOLATILE: [&str; 5] = [
    "GEN_RANDOM_UUID(",
    "RANDOM(",
    "CLOCK_TIMESTAMP(",
    "TIMEOFDAY(",
    "NEXTVAL(",
];

/// A rule by its name, which an exception names, too.
pub(super) type Fault = (&'static str, String);

/// What is wrong with a migration. `-- exception RULE: REASON` in the file lets one rule pass.
pub(super) fn faults(sql: &str) -> Vec<Fault> {
    let statements = statements(sql);
    let is_new = |table: &str| {
        let made = [format!("CREATE TABLE {table} "), format!("CREATE TABLE {table}(")];
        statements
            .iter()
            .any(|one| made.iter().any(|made| one.starts_with(made)))
    };
    let mut faults: Vec<Fault> = Vec::new();
    for statement in &statements {
        let table = table_of(statement);
        let found = match &table {
            // Nobody knows it yet.
            Some(table) if is_new(table) => Vec::new(),
            Some(table) => of_statement(statement, BIG.contains(&table.as_str())),
            None => of_statement(statement, false),
        };
        faults.extend(found.into_iter().map(|rule| (rule, statement.clone())));
    }
    let is_alone = statements.len() == 1 && statements[0].contains(" CONCURRENTLY IF NOT EXISTS ");
    let has_concurrent = statements.iter().any(|one| one.contains(" CONCURRENTLY "));
    let without_transaction = sql.starts_with("-- no-transaction\n");
    if (has_concurrent || without_transaction) && !(is_alone && without_transaction) {
        faults.push((
            "concurrent-index-alone",
            sql.lines().next().unwrap_or_default().to_owned(),
        ));
    }
    let exceptions: Vec<_> = sql.lines().filter_map(exception).collect();
    faults.retain(|(rule, _)| !exceptions.contains(rule));
    faults
}

/// The rule of an exception that gives a reason.
fn exception(line: &str) -> Option<&str> {
    let (rule, reason) = line.strip_prefix("-- exception ")?.split_once(": ")?;
    (reason.len() > 10).then_some(rule)
}

fn of_statement(statement: &str, is_big: bool) -> Vec<&'static str> {
    let has = |words: &str| statement.contains(words);
    let adds_column = has(" ADD COLUMN ");
    let mut rules = Vec::new();
    if has(" DROP COLUMN ") || has(" RENAME ") || statement.starts_with("DROP TABLE ") {
        rules.push("contract-in-two-steps");
    }
    if (adds_column && has(" NOT NULL") && !has(" DEFAULT ") && !has(" GENERATED ")) || has(" SET NOT NULL") {
        rules.push("not-null-without-default");
    }
    if !is_big {
        return rules;
    }
    if has(" INDEX ") && statement.starts_with("CREATE ") && !has(" CONCURRENTLY ") {
        rules.push("index-holds-up-writes");
    }
    let is_volatile = |name: &&str| has(name);
    if adds_column && (has(" GENERATED ALWAYS AS ") || has(" DEFAULT ") && VOLATILE.iter().any(is_volatile)) {
        rules.push("rewrites-a-big-table");
    }
    if has(" TYPE ") && has(" ALTER COLUMN ") {
        rules.push("rewrites-a-big-table");
    }
    if has("ALTER TABLE ") && (has(" REFERENCES ") || has(" CHECK ")) && !has(" NOT VALID") {
        rules.push("checks-a-big-table");
    }
    if statement.starts_with("UPDATE ") || statement.starts_with("DELETE ") {
        rules.push("writes-a-big-table-at-once");
    }
    rules
}

/// Which table a statement is about, without quotes and schema.
fn table_of(statement: &str) -> Option<String> {
    let after = |words: &str| statement.split_once(words).map(|(_, rest)| rest);
    let rest = if statement.starts_with("ALTER TABLE ") {
        after("ALTER TABLE ")
    } else if statement.starts_with("UPDATE ") {
        after("UPDATE ")
    } else if statement.starts_with("DELETE FROM ") {
        after("DELETE FROM ")
    } else if statement.starts_with("CREATE ") && statement.contains(" INDEX ") {
        after(" ON ")
    } else {
        None
    };
    let mut words = rest?
        .split([' ', '('])
        .filter(|word| !matches!(*word, "IF" | "EXISTS" | "ONLY"));
    words.next().map(str::to_owned)
}

/// The statements, in capitals, with single blanks, without comments, strings and the bodies of functions.
fn statements(sql: &str) -> Vec<String> {
    let code: String = sql
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join(" ");
    let outside = |text: &str, quote: &str| text.split(quote).step_by(2).collect::<Vec<_>>().join("''");
    let code = outside(&outside(&code, "$$"), "'").to_uppercase();
    let statements = code
        .split(';')
        .map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "));
    statements.filter(|one| !one.is_empty()).collect()
}
