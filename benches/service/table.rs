//! The figures as tables.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};

use crate::phases::Figures;

/// What the machine could do at best, per second.
#[derive(Debug, Clone, Copy)]
pub struct Ceilings {
    /// Durable commits in the database's folder.
    pub commits: Option<f64>,
    /// Ed25519 signatures on one core.
    pub signatures: Option<f64>,
}

/// Names on the left, values on the right.
pub fn pairs<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> Table {
    let mut table = plain();
    for (name, value) in rows {
        table.add_row([name.to_owned(), value]);
    }
    table
}

/// Throughput, latency and CPU of every phase.
pub fn figures(phases: &[Figures]) -> Table {
    let mut table = plain();
    let head = ["call", "requests", "per second", "p50 ms", "p99 ms", "service", "database", "generator", "write tx"];
    table.set_header(head);
    for phase in phases {
        table.add_row([
            phase.name.to_owned(),
            phase.requests.to_string(),
            format!("{:.0}", phase.per_second),
            format!("{:.2}", phase.p50_ms),
            format!("{:.2}", phase.p99_ms),
            format!("{:.0}", phase.service_cpu),
            optional(phase.database_cpu, 0),
            format!("{:.0}", phase.generator_cpu),
            optional(phase.transactions, 2),
        ]);
    }
    numbers_to_the_right(table)
}

/// The same rates as shares of what the machine could do at best.
pub fn ratios(phases: &[Figures], ceilings: Ceilings) -> Table {
    let mut table = plain();
    table.set_header(["call", "of /healthz", "of jwks.json", "of raw signatures", "per raw commit"]);
    let rate = |start: &str| phases.iter().find(|phase| phase.name.starts_with(start)).map(|phase| phase.per_second);
    let (health, jwks) = (rate("GET /healthz"), rate("GET /.well-known"));
    for phase in phases.iter().filter(|phase| !phase.name.starts_with("GET ")) {
        let share =
            |of: Option<f64>| of.map_or_else(|| "—".to_owned(), |of| format!("{:.1} %", 100.0 * phase.per_second / of));
        let commit = optional(ceilings.commits.map(|commits| phase.per_second / commits), 2);
        let row = [phase.name.to_owned(), share(health), share(jwks), share(ceilings.signatures), commit];
        table.add_row(row);
    }
    numbers_to_the_right(table)
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn numbers_to_the_right(mut table: Table) -> Table {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn optional(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "—".to_owned(), |value| format!("{value:.digits$}"))
}
