//! What a machine says it is made of, as it stands in bodies.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::json;
use signet_verify::claims::Components;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{base::limits, license::activation::check_components, web::problem::Problem};

/// Components by their names, not yet checked.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(BTreeMap<String, String>);

impl Fingerprint {
    /// The components.
    ///
    /// # Errors
    /// 422, naming the first that is none.
    pub fn checked(self) -> Result<Components, Problem> {
        check_components(&self.0).map_err(|error| Problem::unprocessable(format!("`components`: {error}.")))?;
        Ok(self.0)
    }
}

/// What was sent, checked; none where nothing was sent and nothing must be.
///
/// # Errors
/// As [`Fingerprint::checked`].
pub fn components(sent: Option<Fingerprint>) -> Result<Components, Problem> {
    sent.map_or_else(|| Ok(Components::new()), Fingerprint::checked)
}

impl PartialSchema for Fingerprint {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let digest = text()
            // The last symbol of 32 bytes carries two bits less.
            .pattern(Some("^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$"))
            .description(Some("SHA-256 of `name:value` in base64url without padding."));
        let name = text().pattern(Some(format!("^[a-z0-9-]{{1,{}}}$", limits::COMPONENT_NAME_CHARS)));
        let example = json!({ "machine-id": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" });
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("What a machine is made of: each component by its name, as a digest."))
            .property_names(Some(name.build()))
            .additional_properties(Some(RefOr::T(Schema::Object(digest.build()))))
            .min_properties(Some(1))
            .max_properties(Some(limits::COMPONENTS))
            .examples([example])
            .into()
    }
}

impl ToSchema for Fingerprint {
    fn name() -> Cow<'static, str> {
        "Fingerprint".into()
    }
}
