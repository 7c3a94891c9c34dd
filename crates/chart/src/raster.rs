//! SVG to PNG with the embedded font alone, so that every machine gives the same pixels.

use super::{DrawError, Provenance};
use resvg::{tiny_skia, usvg};
use std::sync::Arc;

/// Pixels per unit of the drawing: sharp on dense screens and in print.
const SCALE: f32 = 2.0;

pub(super) fn png(svg: &str, provenance: &Provenance) -> Result<Vec<u8>, DrawError> {
    for (key, _) in &provenance.items {
        check_key(key)?;
    }
    let pixels = render(svg)?;
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    for (key, value) in &provenance.items {
        encoder.add_itxt_chunk(key.clone(), value.clone())?;
    }
    let mut writer = encoder.write_header()?;
    // The sheet is opaque: the fourth channel says nothing.
    let rgb: Vec<u8> = pixels.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(out)
}

fn render(svg: &str) -> Result<tiny_skia::Pixmap, DrawError> {
    let raster = |e: &dyn std::fmt::Display| DrawError::Raster(e.to_string());
    let mut options = usvg::Options {
        font_family: "DejaVu Sans".to_owned(),
        // Neither the file system nor the network is ever looked at.
        image_href_resolver: usvg::ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..usvg::Options::default()
    };
    let fonts = options.fontdb_mut();
    for bytes in [dejavu::sans::regular(), dejavu::sans::bold()] {
        fonts.load_font_source(usvg::fontdb::Source::Binary(Arc::new(bytes)));
    }
    let tree = usvg::Tree::from_str(svg, &options).map_err(|e| raster(&e))?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or_else(|| raster(&"the drawing has no size"))?;
    let mut pixels =
        tiny_skia::Pixmap::new(size.width(), size.height()).ok_or_else(|| raster(&"the drawing is too large"))?;
    pixels.fill(tiny_skia::Color::WHITE);
    resvg::render(&tree, tiny_skia::Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    Ok(pixels)
}

fn check_key(key: &str) -> Result<(), DrawError> {
    let printable = key.bytes().all(|b| (b' '..=b'~').contains(&b));
    let spaced = key.trim() == key && !key.contains("  ");
    if printable && spaced && (1..=79).contains(&key.len()) {
        return Ok(());
    }
    Err(DrawError::BadKey(key.to_owned()))
}
