//! The machines that have a seat, in words.

use crate::{base::limits, store::ActivationRecord, usecase::lookup::Shown, web::html::Words};

use super::state::minute;

/// The list of machines.
#[derive(Debug)]
pub struct Machines {
    /// Seats taken.
    pub taken: u32,
    /// Seats in all.
    pub most: u32,
    /// Whether a seat goes back by itself when a lease ends.
    pub floating: bool,
    /// One page of them.
    pub rows: Vec<Machine>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// One machine.
#[derive(Debug)]
pub struct Machine {
    /// Its activation.
    pub id: String,
    /// What it calls itself.
    pub name: Option<String>,
    /// Its system and the software's version, as far as it said.
    pub about: Vec<String>,
    /// Since when it has its seat.
    pub since: String,
    /// When it last asked.
    pub last_seen: String,
    /// Until when the software there may run on without asking again.
    pub runs_until: String,
}

impl Machines {
    /// Those of a license.
    pub fn of(t: Words, shown: &Shown) -> Self {
        let rows: Vec<_> = shown.machines.iter().map(|it| Machine::of(t, it)).collect();
        // A page that is full may be followed by an empty one: that costs nobody anything.
        let full = rows.len() >= limits::PAGE_ROWS as usize;
        let next = rows.last().filter(|_| full).map(|row| row.id.clone());
        Self { taken: shown.seats, most: shown.license.machines, floating: shown.floating, rows, next }
    }

    /// How much of the seats is taken, 0 to 100.
    pub fn percent(&self) -> u64 {
        (u64::from(self.taken) * 100).checked_div(self.most.into()).unwrap_or(100).min(100)
    }

    /// Whether no seat is left.
    pub fn are_full(&self) -> bool {
        self.taken >= self.most
    }
}

impl Machine {
    fn of(t: Words, it: &ActivationRecord) -> Self {
        let version = it.version.as_deref().map(|version| format!("v{}", version.trim_start_matches('v')));
        Self {
            id: it.id.to_string(),
            name: it.name.as_deref().and_then(plain),
            about: it.platform.as_deref().into_iter().chain(version.as_deref()).filter_map(plain).collect(),
            since: minute(t, it.created_at),
            last_seen: minute(t, it.last_seen_at),
            runs_until: minute(t, it.grace_until),
        }
    }
}

/// What a machine says of itself, without what is not seen but changes what is: controls, and the marks by which text runs
/// the other way (Unicode Standard Annex 9) and could make one machine look like another. `None`: nothing is left.
fn plain(text: &str) -> Option<String> {
    let hidden = |it: char| {
        it.is_control()
            || matches!(it, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let text: String = text.chars().filter(|it| !hidden(*it)).collect();
    Some(text.trim().to_owned()).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_machine_cannot_dress_up_its_name_with_marks_that_nobody_sees() {
        assert_eq!(plain("a\u{202e}1-tsoh\u{2066}\u{7}\u{200b}").as_deref(), Some("a1-tsoh"));
        assert_eq!(plain("\u{202e}\n \u{feff}"), None);
        for kept in ["工作站-1", "שרת", "host 1", "Zoë’s 🖥"] {
            assert_eq!(plain(kept).as_deref(), Some(kept));
        }
    }
}
