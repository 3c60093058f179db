//! What can be wrong with a request.

use crate::machine::ComponentsError;

use super::{MAX_CHARS, PRODUCT_BYTES, TEXT_CHARS, VERSION, line::LINE};

/// Why a text is no request. Lines and positions count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nothing there.
    #[error("there is no request text: copy all of its lines")]
    Empty,
    /// More characters than any request has.
    #[error("the text is longer than {MAX_CHARS} characters, which no request is: copy the request text only")]
    TooLong,
    /// A character that stands in no request.
    #[error(
        "line {line}: symbol {position} is {character:?}, which stands in no request: only digits and the letters A to Z without U"
    )]
    Symbol {
        /// The line.
        line: usize,
        /// Which symbol of it, the line number's two included.
        position: usize,
        /// What stands there.
        character: char,
    },
    /// Symbols are missing or too many.
    #[error(
        "line {line} has {found} symbols, its number included, where {LINE} are needed: compare it with the original"
    )]
    Length {
        /// The line.
        line: usize,
        /// Its symbols.
        found: usize,
    },
    /// All symbols are possible, but they do not fit together.
    #[error("line {line} has a typing error: a symbol is wrong or two are swapped; compare it with the original")]
    Check {
        /// The line.
        line: usize,
    },
    /// A line that is good, but stands in the wrong place.
    #[error("line {found} stands where line {line} belongs: a line is missing, doubled or out of order")]
    Order {
        /// The line that belongs there.
        line: usize,
        /// The line that stands there.
        found: usize,
    },
    /// The content ends too early.
    #[error("the text ends too early: the lines after line {lines} are missing")]
    Incomplete {
        /// Lines that are there.
        lines: usize,
    },
    /// The lines do not belong together.
    #[error("the lines belong to two different requests: take all lines of one")]
    Mixed,
    /// A form of later software.
    #[error("the request has the form {found}, but this service reads form {VERSION}: update the service")]
    Version {
        /// Its form.
        found: u8,
    },
    /// Content that no request has.
    #[error("the request's {0} is none: make the request again")]
    Content(&'static str),
}

impl RequestError {
    /// The stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::Symbol { .. } => "wrong_symbol",
            Self::Length { .. } => "wrong_length",
            Self::Check { .. } => "typing_error",
            Self::Order { .. } => "wrong_order",
            Self::Incomplete { .. } => "incomplete",
            Self::Mixed => "mixed",
            Self::Version { .. } => "newer_form",
            Self::Content(_) => "wrong_content",
        }
    }

    /// The line to look at, where one is wrong.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Symbol { line, .. } | Self::Length { line, .. } | Self::Check { line } | Self::Order { line, .. } => {
                Some(*line)
            }
            _ => None,
        }
    }
}

/// What cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// No product, or a name that is none.
    #[error("the product's name must have 1 to {PRODUCT_BYTES} bytes and no slash")]
    Product,
    /// A name or platform that is too long.
    #[error("the machine's {0} may have {TEXT_CHARS} characters, none of them a control character")]
    Text(&'static str),
    /// No fingerprint.
    #[error(transparent)]
    Components(#[from] ComponentsError),
}
