//! Is this signed answer one to the question that was asked?

use crate::{
    claims::{Asked, ValidationClaims},
    machine,
    read::Read,
};

/// Why a signed answer proves nothing here. Treat it as no answer: keep the lease, ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAnswer {
    /// The nonce differs: an answer of another time.
    #[error("the answer does not carry the nonce of the question: it is an old one; ask again")]
    OtherNonce,
    /// It is about another license.
    #[error("the answer is about another license: ask again")]
    OtherLicense,
    /// It is about another machine.
    #[error("the answer is about another machine: ask again")]
    OtherMachine,
    /// It is about the usage of another activation, or one of the two is not about usage at all.
    #[error("the answer is not about the usage of this activation: ask again")]
    OtherActivation,
    /// Product, version or feature differ.
    #[error("the answer is to a question about another product, version or feature: ask again")]
    OtherQuestion,
}

impl NotAnAnswer {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherNonce => "other_nonce",
            Self::OtherLicense => "other_license",
            Self::OtherMachine => "other_machine",
            Self::OtherActivation => "other_activation",
            Self::OtherQuestion => "other_question",
        }
    }
}

impl Asked {
    /// A question about the license whose code or key is `license`, exactly as it is sent.
    pub fn about(license: &str) -> Self {
        Self { license: machine::sha256(license), ..Self::default() }
    }
}

/// Whether `answer` is one to `asked`. Send a fresh nonce with every question: without one, an old answer fits too.
///
/// # Errors
/// [`NotAnAnswer`] names what differs.
pub fn answers(answer: &Read<ValidationClaims>, asked: &Asked) -> Result<(), NotAnAnswer> {
    let Asked { license, nonce, product, version, feature, components, activation } = &answer.claims.asked;
    if *license != asked.license {
        Err(NotAnAnswer::OtherLicense)
    } else if *nonce != asked.nonce {
        Err(NotAnAnswer::OtherNonce)
    } else if *components != asked.components {
        Err(NotAnAnswer::OtherMachine)
    } else if *activation != asked.activation {
        Err(NotAnAnswer::OtherActivation)
    } else if (product, version, feature) != (&asked.product, &asked.version, &asked.feature) {
        Err(NotAnAnswer::OtherQuestion)
    } else {
        Ok(())
    }
}

#[cfg(test)]
#[path = "validation_tests.rs"]
mod tests;
