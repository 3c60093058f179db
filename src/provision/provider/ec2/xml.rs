//! Answers as trees: names without namespaces, since every cloud has its own.

use std::{borrow::Cow, str};

use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};

/// Elements inside each other.
const DEPTH: usize = 32;
/// Elements of an answer, and of all pages of a list together: a page of flavors has about a hundred for each.
pub const ELEMENTS: usize = 500_000;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

/// No XML, or more of it than an answer can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoXml;

impl Element {
    /// Reads a document and answers its root.
    ///
    /// # Errors
    /// [`NoXml`] for what is not well formed, for documents with their own entities, and beyond the limits.
    pub fn parse(body: &[u8]) -> Result<Self, NoXml> {
        let mut reader = Reader::from_str(str::from_utf8(body).map_err(|_| NoXml)?);
        reader.config_mut().expand_empty_elements = true;
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        let mut elements = 0;
        loop {
            match reader.read_event().map_err(|_| NoXml)? {
                Event::Start(start) => {
                    elements += 1;
                    if root.is_some() || open.len() >= DEPTH || elements > ELEMENTS {
                        return Err(NoXml);
                    }
                    open.push(Self { name: start.local_name().into_inner().to_owned(), ..Self::default() });
                }
                Event::End(_) => {
                    let done = open.pop().ok_or(NoXml)?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(done),
                        None => root = Some(done),
                    }
                }
                Event::Text(text) => add(&mut open, &text.xml10_content()),
                Event::CData(text) => add(&mut open, &text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let char = reference.resolve_char_ref().map_err(|_| NoXml)?;
                    let text = match char {
                        Some(char) => Cow::Owned(char.to_string()),
                        None => {
                            resolve_predefined_entity(&reference.xml10_content()).map(Cow::Borrowed).ok_or(NoXml)?
                        }
                    };
                    add(&mut open, &text);
                }
                // Empty elements come as two events, by the setting above.
                Event::Empty(_) | Event::DocType(_) => return Err(NoXml),
                Event::Eof => return if open.is_empty() { root.ok_or(NoXml) } else { Err(NoXml) },
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }

    /// How many elements it has, itself included.
    pub fn count(&self) -> usize {
        1 + self.children.iter().map(Self::count).sum::<usize>()
    }

    /// Its own text, without the space around it.
    pub fn content(&self) -> &str {
        self.text.trim()
    }

    /// Its first child of that name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// What stands at the end of a path of names (`placement/availabilityZone`).
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// The text at the end of a path; `None` when it is missing or empty.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path).map(Self::content).filter(|text| !text.is_empty())
    }

    /// The text at the end of a path; empty when it is missing.
    pub fn string(&self, path: &str) -> String {
        self.text(path).unwrap_or_default().to_owned()
    }

    /// The members of the list at the end of a path.
    pub fn items(&self, path: &str) -> impl Iterator<Item = &Self> {
        self.at(path)
            .into_iter()
            .flat_map(|list| &list.children)
            .filter(|child| child.name == "item" || child.name == "member")
    }

    /// The first element of that name anywhere inside, itself included.
    pub fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name { Some(self) } else { self.children.iter().find_map(|child| child.find(name)) }
    }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ec2_xml_is_read_without_its_namespaces() {
        let xml = br#"<?xml version="1.0"?><!-- x --><a:R xmlns:a="urn:x"><set><item><n>1 &amp; &#x32;</n></item><item/></set><e/></a:R>"#;
        let root = Element::parse(xml).unwrap();
        assert_eq!(root.name, "R");
        assert_eq!(root.items("set").count(), 2);
        assert_eq!(root.items("set").next().unwrap().text("n"), Some("1 & 2"));
        assert_eq!(root.text("e"), None);
        assert_eq!(root.find("n").unwrap().content(), "1 & 2");
    }

    #[test]
    fn ec2_xml_that_is_none_or_too_much_is_refused() {
        let deep = "<a>".repeat(DEPTH + 1) + &"</a>".repeat(DEPTH + 1);
        let many = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS));
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>"#;
        for text in ["", "garbage", "{}", "<a>", "<a></b>", "<a/><b/>", "<a>&b;</a>", bomb, &deep, &many] {
            assert_eq!(Element::parse(text.as_bytes()), Err(NoXml), "{}", &text[..text.len().min(40)]);
        }
        assert_eq!(Element::parse(&[b'<', 0xff, b'>']), Err(NoXml));
    }
}
