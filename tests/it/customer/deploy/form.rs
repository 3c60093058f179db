//! A form as a browser without a script sends it.

use super::super::{Visitor, text};
use crate::harness::Answer;

/// A page's form, with what stands in its fields.
#[derive(Debug, Clone)]
pub struct Form {
    /// The page.
    pub page: String,
    /// Its fields.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The wizard's form on a page.
    pub fn of(answer: &Answer) -> Self {
        let page = text(answer);
        let (_, rest) = page.split_once("<form class=\"wizard\"").unwrap_or_else(|| panic!("no form: {page}"));
        let form = rest.split_once("</form>").unwrap().0;
        let mut fields = inputs(form);
        fields.extend(selects(form));
        Self { fields, page }
    }

    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// With other values.
    pub fn typed(mut self, values: &[(&str, &str)]) -> Self {
        for (name, value) in values {
            self.fields.retain(|(known, _)| known != name);
            self.fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        self
    }

    /// The answer to Next.
    pub async fn answer(&self, visitor: &mut Visitor<'_>) -> Answer {
        self.press("next", visitor).await
    }

    /// The answer to a button.
    pub async fn press(&self, button: &str, visitor: &mut Visitor<'_>) -> Answer {
        let mut fields: Vec<(&str, &str)> = self.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        fields.push(("to", button));
        visitor.post("/license/deploy", &fields).await
    }

    /// The next step's form.
    pub async fn send(&self, visitor: &mut Visitor<'_>) -> Self {
        let answer = self.answer(visitor).await;
        assert_eq!(answer.status, 200, "{}", text(&answer));
        Self::of(&answer)
    }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

fn unescaped(text: &str) -> String {
    [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn inputs(form: &str) -> Vec<(String, String)> {
    let tags = form.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap());
    let sent = tags.filter(|tag| {
        let chosen = !["radio", "checkbox"].contains(&attribute(tag, "type").unwrap_or_default());
        !tag.contains(" disabled") && (chosen || tag.contains(" checked"))
    });
    sent.map(|tag| {
        let value = unescaped(attribute(tag, "value").unwrap_or_default());
        (attribute(tag, "name").unwrap().to_owned(), value)
    })
    .collect()
}

fn selects(form: &str) -> Vec<(String, String)> {
    let selects = form.split("<select").skip(1).map(|rest| rest.split_once("</select>").unwrap().0);
    selects
        .filter_map(|select| {
            let options: Vec<&str> = select.split("<option").skip(1).collect();
            let chosen = options.iter().find(|it| it.split('>').next().unwrap().contains("selected"));
            let option = chosen.or(options.first())?;
            let (tag, label) = option.split_once('>').unwrap();
            let label = label.split('<').next().unwrap();
            let value = attribute(tag, "value").unwrap_or(label);
            Some((attribute(select, "name").unwrap().to_owned(), unescaped(value)))
        })
        .collect()
}
