//! A small XML document in memory: elements, attributes, text, and the lines where elements begin.
//!
//! Absent: namespaces, document types, entities of a document's own.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// Its own text, without that of its children.
    pub(super) text: String,
    /// The 1-based line of the document where it begins.
    pub(super) line: u64,
}

/// No document of WONDER's nests deeper than ten elements.
const DEEPEST: usize = 64;

impl Element {
    /// The document's only element. The error says what is wrong with it, and in which line.
    pub(super) fn parse(document: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(document);
        let mut open: Vec<Element> = Vec::new();
        let mut root = None;
        let (mut line, mut counted) = (1, 0);
        loop {
            let at = usize::try_from(reader.buffer_position()).unwrap_or(document.len()).min(document.len());
            line += document.as_bytes()[counted..at].iter().filter(|byte| **byte == b'\n').count() as u64;
            counted = at;
            let wrong = |what: &dyn std::fmt::Display| format!("line {line}: {what}");
            let done = match reader.read_event().map_err(|error| wrong(&error))? {
                Event::Start(start) => {
                    if open.len() == DEEPEST {
                        return Err(wrong(&"its elements nest too deep"));
                    }
                    open.push(Self::begin(&start, line).map_err(|what| wrong(&what))?);
                    None
                }
                Event::Empty(start) => Some(Self::begin(&start, line).map_err(|what| wrong(&what))?),
                Event::End(_) => open.pop(),
                Event::Text(text) => Self::add(&mut open, &text.xml10_content()).map_err(|what| wrong(&what))?,
                Event::CData(text) => Self::add(&mut open, &text.xml10_content()).map_err(|what| wrong(&what))?,
                Event::GeneralRef(entity) => {
                    let text = match entity.resolve_char_ref().map_err(|error| wrong(&error))? {
                        Some(letter) => letter.to_string(),
                        None => resolve_predefined_entity(&entity)
                            .ok_or_else(|| wrong(&format!("no entity `{}` is known", &*entity)))?
                            .to_owned(),
                    };
                    Self::add(&mut open, &text).map_err(|what| wrong(&what))?
                }
                Event::DocType(_) => return Err(wrong(&"it declares a document type")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => None,
                Event::Eof => break,
            };
            match (done, open.last_mut()) {
                (Some(done), Some(parent)) => parent.children.push(done),
                (Some(_), None) if root.is_some() => return Err(wrong(&"it has a second document after the first")),
                (Some(done), None) => root = Some(done),
                (None, _) => {}
            }
        }
        match open.last() {
            Some(element) => Err(format!("it ends within `{}`, which began in line {}", element.name, element.line)),
            None => root.ok_or_else(|| "it holds no element".to_owned()),
        }
    }

    fn begin(start: &BytesStart<'_>, line: u64) -> Result<Self, String> {
        let mut element = Element { name: start.name().as_ref().to_owned(), line, ..Element::default() };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| error.to_string())?;
            element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        Ok(element)
    }

    /// Adds text to the innermost element. Outside of all there may be blanks.
    fn add(open: &mut [Element], text: &str) -> Result<Option<Element>, String> {
        match open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim_start_matches('\u{feff}').trim().is_empty() => {}
            None => {
                let begin: String = text.trim().chars().take(40).collect();
                return Err(format!("text outside of the document: `{begin}`"));
            }
        }
        Ok(None)
    }

    /// An attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The children of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The first element at a path below this one.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// Its text as one line, without the tags of web pages that it quotes.
    pub(super) fn line_of_text(&self) -> String {
        let mut plain = String::with_capacity(self.text.len());
        let mut rest = self.text.as_str();
        while let Some((before, tag)) = rest.split_once('<') {
            plain.push_str(before);
            match tag.split_once('>') {
                Some((_, after)) => rest = after,
                None => {
                    plain.push('<');
                    rest = tag;
                }
            }
        }
        plain.push_str(rest);
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
