//! Tables for terminals.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};

/// An empty table with these columns.
pub fn with_columns(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.to_vec());
    table
}

/// A table of names and values.
pub fn of_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for (name, value) in pairs {
        table.add_row([name.to_owned(), value]);
    }
    table
}
