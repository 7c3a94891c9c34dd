//! The colours of classes, and the hatches of what has none.
//!
//! Both are told apart without colour: a ramp goes from light to dark in equal
//! steps of lightness, and hatches differ in their lines.

use super::canvas::Canvas;

/// Ramps of two to seven classes, from the lowest to the highest.
///
/// Computed in OKLCH: lightness falls in equal steps from 0.945 to 0.33 while the hue turns from straw by green to blue,
/// a turn that no common deficiency of colour vision hides.
const RAMPS: [&[&str]; 6] = [
    &["#f5eec4", "#132d77"],
    &["#f5eec4", "#00a1a1", "#132d77"],
    &["#f5eec4", "#64bf9f", "#007d9f", "#132d77"],
    &["#f5eec4", "#8ccca1", "#00a1a1", "#00699a", "#132d77"],
    &["#f5eec4", "#a3d4a4", "#3fb4a0", "#008ca1", "#005d95", "#132d77"],
    &["#f5eec4", "#b1d8a7", "#64bf9f", "#00a1a1", "#007d9f", "#005591", "#132d77"],
];

/// The most classes that a reader can tell apart.
pub(super) const MOST_CLASSES: usize = 7;
/// The most reasons that hatches can tell apart.
pub(super) const MOST_HATCHES: usize = 5;

/// One colour for each class, or `None` where there is no ramp of so many.
pub(super) fn ramp(classes: usize) -> Option<&'static [&'static str]> {
    match classes {
        1 => Some(&RAMPS[0][..1]),
        _ => RAMPS.get(classes.checked_sub(2)?).copied(),
    }
}

/// Defines the hatch of this number under the id `hatch<number>`; `scale` is units of the drawing per unit of the shape.
pub(super) fn hatch(canvas: &mut Canvas<'_>, number: usize, scale: f64) {
    let ink = "#8a8a8a";
    let (side, lines) = match number {
        0 => (7.0, "<path d=\"M0 7L7 0M-1 1L1 -1M6 8L8 6\" fill=\"none\" stroke=\"INK\" stroke-width=\"1.1\"/>"),
        1 => (6.0, "<circle cx=\"3\" cy=\"3\" r=\"1.1\" fill=\"INK\"/>"),
        2 => (8.0, "<path d=\"M0 0L8 8M0 8L8 0\" fill=\"none\" stroke=\"INK\" stroke-width=\"0.9\"/>"),
        3 => (6.0, "<path d=\"M0 3L6 3\" fill=\"none\" stroke=\"INK\" stroke-width=\"1.1\"/>"),
        _ => (6.0, "<path d=\"M3 0L3 6\" fill=\"none\" stroke=\"INK\" stroke-width=\"0.8\"/>"),
    };
    let lines = lines.replace("INK", ink);
    canvas.raw(&format!(
        "<defs><pattern id=\"hatch{number}\" width=\"{side}\" height=\"{side}\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"scale({})\"><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>{lines}</pattern></defs>",
        super::canvas::n(scale),
    ));
}

/// The same hatch for a drawing that is written `times` as large, under the id `hatch<number>-map`.
pub(super) fn scaled(number: usize, times: f64) -> String {
    format!(
        "<defs><pattern id=\"hatch{number}-map\" href=\"#hatch{number}\" patternTransform=\"scale({})\"/></defs>",
        super::canvas::n(times)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linear light of a colour written `#rrggbb`.
    fn linear(colour: &str) -> [f64; 3] {
        [1, 3, 5].map(|at| {
            let u = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if u <= 0.04045 { u / 12.92 } else { ((u + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// Relative luminance, as the contrast rules for web pages define it.
    fn luminance([r, g, b]: [f64; 3]) -> f64 {
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn seen_through(matrix: [[f64; 3]; 3], light: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(light).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0))
    }

    #[test]
    fn classes_grow_darker_for_every_eye_and_in_grey() {
        const SAME: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        // Machado, Oliveira and Fernandes 2009, severity 1: protanopia, deuteranopia, tritanopia.
        let eyes = [
            SAME,
            [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
            [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
            [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
        ];
        for classes in 1..=MOST_CLASSES {
            let colours = ramp(classes).unwrap();
            assert_eq!(colours.len(), classes);
            for eye in eyes {
                let seen: Vec<f64> = colours.iter().map(|c| luminance(seen_through(eye, linear(c)))).collect();
                for pair in seen.windows(2) {
                    let contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
                    assert!(contrast > 1.25, "{classes} classes: {colours:?} have luminances {seen:?}");
                }
            }
        }
        assert_eq!((ramp(0), ramp(MOST_CLASSES + 1)), (None, None));
    }
}
