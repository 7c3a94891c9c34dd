//! Rectangles and segments, in SVG's coordinates: y grows downwards.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

impl Rect {
    pub fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Self { x, y, w, h }
    }

    pub fn right(&self) -> f64 {
        self.x + self.w
    }

    pub fn bottom(&self) -> f64 {
        self.y + self.h
    }

    pub fn grow(&self, by: f64) -> Self {
        Self::new(self.x - by, self.y - by, self.w + 2.0 * by, self.h + 2.0 * by)
    }

    pub fn overlaps(&self, other: &Rect) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }

    pub fn contains(&self, other: &Rect) -> bool {
        self.x <= other.x && self.y <= other.y && other.right() <= self.right() && other.bottom() <= self.bottom()
    }

    /// The point of the rectangle that is nearest to (x, y).
    pub fn nearest(&self, x: f64, y: f64) -> (f64, f64) {
        (x.clamp(self.x, self.right()), y.clamp(self.y, self.bottom()))
    }

    pub fn distance(&self, x: f64, y: f64) -> f64 {
        let (nx, ny) = self.nearest(x, y);
        ((nx - x) * (nx - x) + (ny - y) * (ny - y)).sqrt()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Segment {
    pub a: (f64, f64),
    pub b: (f64, f64),
}

impl Segment {
    /// Distance of a point from the segment.
    pub fn distance(&self, x: f64, y: f64) -> f64 {
        let (dx, dy) = (self.b.0 - self.a.0, self.b.1 - self.a.1);
        let length2 = dx * dx + dy * dy;
        let t =
            if length2 == 0.0 { 0.0 } else { (((x - self.a.0) * dx + (y - self.a.1) * dy) / length2).clamp(0.0, 1.0) };
        let (ex, ey) = (self.a.0 + t * dx - x, self.a.1 + t * dy - y);
        (ex * ex + ey * ey).sqrt()
    }

    pub fn crosses(&self, other: &Segment) -> bool {
        let side = |s: &Segment, p: (f64, f64)| (s.b.0 - s.a.0) * (p.1 - s.a.1) - (s.b.1 - s.a.1) * (p.0 - s.a.0);
        side(self, other.a) * side(self, other.b) <= 0.0 && side(other, self.a) * side(other, self.b) <= 0.0
    }

    pub fn touches(&self, r: &Rect) -> bool {
        let inside = |p: (f64, f64)| p.0 >= r.x && p.0 <= r.right() && p.1 >= r.y && p.1 <= r.bottom();
        let corners = [(r.x, r.y), (r.right(), r.y), (r.right(), r.bottom()), (r.x, r.bottom())];
        inside(self.a)
            || inside(self.b)
            || (0..4).any(|i| self.crosses(&Segment { a: corners[i], b: corners[(i + 1) % 4] }))
    }
}
