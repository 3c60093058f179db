//! The form of a Query call.

use crate::base::percent::encode_form;

/// What a Query call sends: names and values, in the order in which they were added.
///
/// No `Debug`: a form can hold user-data.
#[derive(Clone)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// A call of `action` in the `version` of the interface.
    pub fn new(action: &str, version: &str) -> Self {
        Self(vec![]).with("Action", action).with("Version", version)
    }

    /// With one more parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// With a filter: one of `values` must hold. Filters are numbered in the order in which they were added.
    #[must_use]
    pub fn filter(self, name: &str, values: &[&str]) -> Self {
        let number =
            self.0.iter().filter(|(name, _)| name.starts_with("Filter.") && name.ends_with(".Name")).count() + 1;
        let form = self.with(&format!("Filter.{number}.Name"), name);
        form.numbered(&format!("Filter.{number}.Value"), values)
    }

    /// With a list, whose members are numbered from 1.
    #[must_use]
    pub fn numbered(self, name: &str, values: &[&str]) -> Self {
        (1..).zip(values).fold(self, |form, (number, value)| form.with(&format!("{name}.{number}"), *value))
    }

    /// The body: `application/x-www-form-urlencoded` with only RFC 3986's unreserved characters literal and space as `+`.
    ///
    /// Some clouds decode the form and encode it again before they check the signature. This form survives that,
    /// unlike the URL Standard's, which leaves `*` alone and escapes `~`.
    pub fn encode(&self) -> String {
        let pairs: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{}={}", encode_form(name), encode_form(value))).collect();
        pairs.join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ec2_filters_and_lists_are_numbered_from_one() {
        let form = Form::new("A", "1").filter("x", &["1", "2"]).filter("y", &["3"]).numbered("Owner", &["self"]);
        assert_eq!(
            form.encode(),
            "Action=A&Version=1&Filter.1.Name=x&Filter.1.Value.1=1&Filter.1.Value.2=2&Filter.2.Name=y&Filter.2.Value.1=3&Owner.1=self"
        );
    }
}
