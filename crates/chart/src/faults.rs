//! Looks at a finished drawing as a reader would: words that touch, that leave the sheet, that are too small.

use resvg::usvg::roxmltree;

use super::DrawError;
use super::font::Fonts;
use super::geometry::Rect;

/// Words must be at least this high, in pixels at the size that the document names.
const LEAST: f64 = 11.0;

/// What a reader could not read in an SVG made by [`super::svg`], in words. Nothing is at fault in a good one.
pub fn faults(svg: &str) -> Result<Vec<String>, DrawError> {
    let wrong = |what: &str| DrawError::Raster(format!("no drawing of ours: {what}"));
    let document = roxmltree::Document::parse(svg).map_err(|error| wrong(&error.to_string()))?;
    let fonts = Fonts::embedded()?;
    let root = document.root_element();
    let number = |node: roxmltree::Node<'_, '_>, name: &str| -> Result<f64, DrawError> {
        node.attribute(name).and_then(|text| text.parse().ok()).ok_or_else(|| wrong(name))
    };
    let view: Vec<f64> =
        root.attribute("viewBox").unwrap_or_default().split(' ').filter_map(|text| text.parse().ok()).collect();
    let &[_, _, width, height] = view.as_slice() else { return Err(wrong("viewBox")) };
    let scale = number(root, "width")? / width;
    let sheet = Rect::new(0.0, 0.0, width, height);

    let mut found = Vec::new();
    let mut words: Vec<(Rect, &str)> = Vec::new();
    for node in document.descendants().filter(|node| node.has_tag_name("text")) {
        let text = node.text().unwrap_or_default();
        let size = number(node, "font-size")?;
        let face = fonts.face(node.attribute("font-weight") == Some("bold"));
        let (w, (up, down)) = (face.width(text, size), face.ink(text, size));
        let x = number(node, "x")?
            - match node.attribute("text-anchor") {
                Some("middle") => w / 2.0,
                Some("end") => w,
                _ => 0.0,
            };
        let ink = Rect::new(x, number(node, "y")? - up, w, up + down);
        if size * scale < LEAST {
            found.push(format!("`{text}` is {:.1} pixels high", size * scale));
        }
        if !sheet.contains(&ink) {
            found.push(format!("`{text}` leaves the sheet"));
        }
        let touched = words.iter().filter(|(other, _)| other.overlaps(&ink));
        found.extend(touched.map(|(_, other)| format!("`{text}` lies over `{other}`")));
        words.push((ink, text));
    }
    Ok(found)
}
