//! Pages of lists: newest first, by an opaque cursor that keeps its place while rows are added.

use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{base::limits, web::problem::Problem};

/// Rows of a page when nothing is said.
const DEFAULT_ROWS: u32 = 25;
/// Characters of a cursor that are looked at at all.
const CURSOR_CHARS: usize = 256;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page starts, as `cursor`; `null` on the last page.
    #[schema(required, example = "bGljZW5zZXM6MDE5M2YzYTgtMmM0ZA")]
    pub next_cursor: Option<String>,
}

/// Which page of which list.
#[derive(Debug, Clone)]
pub struct Place<I> {
    list: &'static str,
    /// The row after which it starts.
    pub after: Option<I>,
    limit: u32,
}

impl<I: FromStr + ToString> Place<I> {
    /// Reads the page's parameters. `list` names the list, so that no cursor is taken for another list's.
    ///
    /// # Errors
    /// 400 for a cursor that is not of this list, and for a limit outside 1 to 100.
    pub fn new(list: &'static str, cursor: Option<&str>, limit: Option<u32>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(DEFAULT_ROWS);
        if !(1..=limits::PAGE_ROWS).contains(&limit) {
            return Err(Problem::malformed(format!("`limit` is {limit}; it must be 1 to {}.", limits::PAGE_ROWS)));
        }
        let after = cursor.map(|cursor| decode(list, cursor).ok_or_else(wrong_cursor)).transpose()?;
        Ok(Self { list, after, limit })
    }

    /// Rows to ask for: one more than shown tells whether there is another page.
    pub fn rows(&self) -> u32 {
        self.limit + 1
    }

    /// The page made of the rows asked for.
    pub fn page<R, T>(&self, mut rows: Vec<R>, id: impl Fn(&R) -> I, show: impl FnMut(R) -> T) -> Page<T> {
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > shown;
        rows.truncate(shown);
        let next_cursor = rows.last().filter(|_| more).map(|row| encode(self.list, &id(row)));
        Page { items: rows.into_iter().map(show).collect(), next_cursor }
    }
}

fn encode(list: &str, id: &impl ToString) -> String {
    BASE64URL_NOPAD.encode(format!("{list}:{}", id.to_string()).as_bytes())
}

fn decode<I: FromStr>(list: &str, cursor: &str) -> Option<I> {
    if cursor.len() > CURSOR_CHARS {
        return None;
    }
    let text = String::from_utf8(BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?).ok()?;
    text.strip_prefix(list)?.strip_prefix(':')?.parse().ok()
}

fn wrong_cursor() -> Problem {
    Problem::malformed(
        "`cursor` is not one of this list: take `next_cursor` of its page before, unchanged, or leave it out.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{entropy::SeededEntropy, ids::LicenseId, time::Time};

    fn id(seed: u64) -> LicenseId {
        LicenseId::new(Time::from_millis(1_700_000_000_000).unwrap(), &SeededEntropy::new(seed))
    }

    #[test]
    fn a_cursor_leads_back_to_its_row_in_its_own_list_only() {
        let cursor = encode("licenses", &id(1));
        assert_eq!(decode("licenses", &cursor), Some(id(1)));
        assert_eq!(decode::<LicenseId>("orders", &cursor), None);
        assert!(!cursor.contains("licenses"));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let bare = BASE64URL_NOPAD.encode(b"licenses:");
        for text in ["", "%", "licenses:", "AAAA", "////", &bare, &"A".repeat(4096)] {
            assert_eq!(decode::<LicenseId>("licenses", text), None, "{text}");
        }
    }

    #[test]
    fn a_page_has_a_next_only_when_a_row_more_was_found() {
        let place = Place::<LicenseId>::new("licenses", None, Some(2)).unwrap();
        assert_eq!(place.rows(), 3);
        let page = |rows: Vec<LicenseId>| place.page(rows, |id| *id, |id| id);
        assert_eq!(page(vec![id(1), id(2)]).next_cursor, None);
        let full = page(vec![id(1), id(2), id(3)]);
        assert_eq!((full.items.len(), full.next_cursor), (2, Some(encode("licenses", &id(2)))));
        assert_eq!(page(vec![]).next_cursor, None);
    }

    #[test]
    fn limits_outside_1_to_100_are_refused() {
        for limit in [0, 101, u32::MAX] {
            assert_eq!(Place::<LicenseId>::new("licenses", None, Some(limit)).unwrap_err().status, 400);
        }
        assert_eq!(Place::<LicenseId>::new("licenses", None, None).unwrap().rows(), 26);
    }
}
