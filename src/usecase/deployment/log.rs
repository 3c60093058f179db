//! What was said about a deployment. Machines are not trusted: their lines are cleaned, cut and limited.

use crate::{
    base::{ids::DeploymentId, limits, text::truncate},
    provision::run::{LineSource, Stage},
    store::{LineRecord, Tx},
};

use super::super::{Context, Done};

/// Characters from which a word that begins like a signed text is taken for one.
const SIGNED_TEXT: usize = 40;
/// Characters from which the first word after a masked one is taken for its end: fewer of a signature are of no use.
const TAIL: usize = 20;
/// What stands there instead.
const MASK: &str = "(signed text)";

/// Adds lines, as far as there is room.
///
/// # Errors
/// The database's.
pub fn add(
    tx: &mut Tx,
    ctx: Context,
    id: DeploymentId,
    stage: Stage,
    source: LineSource,
    texts: impl IntoIterator<Item = String>,
) -> Done<()> {
    let last = tx.lines_last(id)?;
    let room = limits::DEPLOYMENT_LINES.saturating_sub(last);
    let mut new: Vec<LineRecord> = Vec::new();
    for (number, text) in (last + 1..).zip(texts).take(usize::try_from(room).unwrap_or(0)) {
        let full = number == limits::DEPLOYMENT_LINES;
        let text = if full { "… the log is full; later lines are not kept".to_owned() } else { text };
        new.push(LineRecord { deployment_id: id, number, at: ctx.now, stage, source, text });
    }
    if new.is_empty() { Ok(()) } else { Ok(tx.lines_insert(&new)?) }
}

/// The same for a text that may go on in the middle of a line, of which `before` was kept last: a signed text that came in
/// two parts is masked in both.
pub fn clean_after(before: &str, text: &str) -> Vec<String> {
    let is_word = |char: char| !is_word_char(char);
    let open =
        &before[before.rfind(is_word).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8))..];
    let end = text.find(is_word).unwrap_or(text.len());
    let goes_on = match open.find("eyJ") {
        // What was kept is less than a signed text, and only its first part, which every code has alike.
        Some(at) => open.len() - at + end >= SIGNED_TEXT,
        // The border may lie in the first letters too.
        None if open.ends_with("ey") => text.starts_with('J') && end >= SIGNED_TEXT,
        None if open.ends_with('e') => text.starts_with("yJ") && end >= SIGNED_TEXT,
        None => before.ends_with(MASK) && end >= TAIL,
    };
    if goes_on { clean(&format!("{MASK}{}", &text[end..])) } else { clean(text) }
}

/// The lines of a text from outside: no control characters (a terminal would obey them), none that turn the direction of
/// writing, nothing that looks like a signed text, at most [`limits::DEPLOYMENT_LINE_CHARS`] characters and
/// [`limits::DEPLOYMENT_REPORT_LINES`] lines.
pub fn clean(text: &str) -> Vec<String> {
    let lines = text.split(['\n', '\r']).map(|line| {
        let plain: String = line.chars().map(|char| if is_plain(char) { char } else { ' ' }).collect();
        truncate(&without_signed_texts(plain.trim_end()), limits::DEPLOYMENT_LINE_CHARS)
    });
    lines.filter(|line| !line.is_empty()).take(limits::DEPLOYMENT_REPORT_LINES).collect()
}

fn is_plain(char: char) -> bool {
    let turns =
        matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    !(char.is_control() || turns)
}

/// License codes and leases are signed texts, and all of those begin alike: `{"` in base64url.
fn without_signed_texts(line: &str) -> String {
    let mut clean = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("eyJ") {
        let (before, word) = rest.split_at(at);
        let end = word.find(|char| !is_word_char(char)).unwrap_or(word.len());
        clean.push_str(before);
        clean.push_str(if end >= SIGNED_TEXT { MASK } else { &word[..end] });
        rest = &word[end..];
    }
    clean + rest
}

fn is_word_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || "-_.".contains(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_from_outside_hold_nothing_that_a_terminal_obeys() {
        assert_eq!(clean("a\u{1b}[31mred\r\nb\tc\n\n\u{202e}d\0"), ["a [31mred", "b c", " d"]);
    }

    #[test]
    fn signed_texts_are_masked_wherever_they_stand() {
        let code = format!("eyJhbGciOi.{}.sig", "x".repeat(60));
        assert_eq!(clean(&format!("code={code}, {code}")), ["code=(signed text), (signed text)"]);
        assert_eq!(clean("eyJust a word"), ["eyJust a word"]);
    }

    /// A machine ships what its log holds at the moment: a code was cut in two, and each half passed.
    #[test]
    fn a_signed_text_is_masked_wherever_a_report_ends() {
        let code = format!("eyJhbGciOi{}.{}.{}", "h".repeat(30), "p".repeat(60), "s".repeat(86));
        let all = format!("the code is {code} and more\n");
        for border in 1..all.len() {
            let (first, second) = all.split_at(border);
            let mut lines = clean(first);
            let last = lines.last().cloned().unwrap_or_default();
            lines.extend(clean_after(&last, second));
            let kept = lines.concat();
            assert!(!kept.contains("pppp"), "{border}: {kept}");
            assert!(!kept.contains(&"s".repeat(TAIL)), "{border}: {kept}");
            assert!(kept.ends_with("more"), "{border}: {kept}");
        }
    }

    #[test]
    fn words_after_a_border_stay_when_they_are_none_of_a_signed_text() {
        let installed = "Configuration-of-the-application-in-every-language finished";
        for before in ["", "done (signed text) and", "key", "数据ey", "eyJust a"] {
            assert_eq!(clean_after(before, installed), [installed], "{before}");
        }
        assert_eq!(clean_after("code=(signed text)", "Installing it"), ["Installing it"]);
    }

    #[test]
    fn long_texts_are_cut() {
        let long = format!("{}\n", "x".repeat(10_000)).repeat(1_000);
        let lines = clean(&long);
        assert_eq!(lines.len(), limits::DEPLOYMENT_REPORT_LINES);
        assert!(lines.iter().all(|line| line.chars().count() == limits::DEPLOYMENT_LINE_CHARS));
    }
}
