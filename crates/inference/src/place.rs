//! Places on a map, and counts that may be withheld.

/// A count as its publisher tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Published.
    Known(u32),
    /// Withheld; it lies between these, both included.
    Within {
        /// The least that it can be.
        low: u32,
        /// The most that it can be.
        high: u32,
    },
}

impl Count {
    /// Two places told as one: bounds add.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => Self::Known(a + b),
            (a, b) => Self::Within { low: a.low() + b.low(), high: a.high() + b.high() },
        }
    }

    /// The least that it can be.
    pub fn low(self) -> u32 {
        match self {
            Self::Known(count) => count,
            Self::Within { low, .. } => low,
        }
    }

    /// The most that it can be.
    pub fn high(self) -> u32 {
        match self {
            Self::Known(count) => count,
            Self::Within { high, .. } => high,
        }
    }
}

/// A county with what happened to its residents in a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The state, as a number.
    pub state: u32,
    /// Degrees east of its middle.
    pub longitude: f64,
    /// Degrees north of its middle.
    pub latitude: f64,
    /// Person-years, above 0.
    pub exposure: f64,
    /// Deaths.
    pub count: Count,
    /// The places that it shares a border with, as places in the same slice; mutual, without itself.
    pub neighbours: Vec<usize>,
}

impl Place {
    /// The distance between the middles of two places on a sphere, in kilometres.
    pub fn kilometres_to(&self, other: &Self) -> f64 {
        let radians = std::f64::consts::PI / 180.0;
        let (a, b) = (self.latitude * radians, other.latitude * radians);
        let (north, east) = ((b - a) / 2.0, (other.longitude - self.longitude) * radians / 2.0);
        let half =
            libm::sin(north) * libm::sin(north) + libm::cos(a) * libm::cos(b) * libm::sin(east) * libm::sin(east);
        2.0 * 6_371.0 * libm::asin(libm::sqrt(half.min(1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Count, Place};

    #[test]
    fn bounds_add() {
        let withheld = Count::Within { low: 0, high: 9 };
        assert_eq!(Count::Known(12).plus(withheld), Count::Within { low: 12, high: 21 });
        assert_eq!(Count::Known(1).plus(Count::Known(2)), Count::Known(3));
    }

    /// One degree of latitude is 111.2 km on this sphere, and the date line is no distance.
    #[test]
    fn distances_are_on_a_sphere() {
        let at = |longitude, latitude| Place {
            state: 0,
            longitude,
            latitude,
            exposure: 1.0,
            count: Count::Known(0),
            neighbours: Vec::new(),
        };
        assert!((at(-80.0, 37.0).kilometres_to(&at(-80.0, 38.0)) - 111.19).abs() < 0.01);
        assert!((at(-180.0, 0.0).kilometres_to(&at(179.0, 0.0)) - 111.19).abs() < 0.01);
    }
}
