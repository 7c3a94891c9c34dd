//! Which cells of related tables must be withheld, so that no withheld one can be reckoned from the others.
//!
//! Cells below [`LEAST`] are withheld, and of the rest as many as it takes. What it takes is shown, not argued: for each
//! withheld cell there are two whole tables, in whole numbers, that agree with everything shown and in which the cell differs by
//! at least [`WIDTH`]. A linear program proposes them; each is then checked in whole numbers, so that nothing rests
//! on the solver. Whoever adds and subtracts what is shown knows no more of a cell than that it is in a range of at least
//! eleven numbers, as the rule itself says of small ones.
//!
//! Not met: what a reader makes of knowing how cells were chosen, and what is known from elsewhere.

use std::collections::BTreeSet;

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

/// The least count that is shown.
pub const LEAST: i64 = 11;

/// By how much each withheld cell can differ, whatever is shown.
pub const WIDTH: i64 = LEAST - 1;

/// How far a cell may move in a proposal: enough, and the program stays bounded.
const REACH: i64 = 3 * LEAST;

/// As many cells around one are moved before all of them are.
const NEAR: usize = 120;

/// Proposals in which all cells move at once, before single ones are asked for.
const BROAD: usize = 12;

/// A cell of a table or a total.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    /// The true count.
    pub count: i64,
    /// Whether it is always shown: at least [`LEAST`], and known from elsewhere.
    pub fixed: bool,
    /// Whether it is withheld for another's sake only where nothing else will do.
    pub dear: bool,
}

/// A total and its parts, as places among the cells.
#[derive(Debug, Clone)]
pub(crate) struct Sum {
    pub total: usize,
    pub parts: Vec<usize>,
}

/// What is withheld, and the range that was shown for each cell.
pub(crate) struct Withheld {
    pub cells: Vec<bool>,
    /// Of each cell the least and the most that it is in tables that agree with everything shown.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests hold the proof against another reckoning"))]
    pub ranges: Vec<(i64, i64)>,
}

/// Decides what to withhold; none where even with everything withheld that may be, something follows.
pub(crate) fn withhold(cells: &[Cell], sums: &[Sum]) -> Option<Withheld> {
    let mut search = Search {
        cells,
        sums,
        sums_of: sums_of(cells.len(), sums),
        withheld: cells.iter().map(|cell| cell.count < LEAST).collect(),
        ranges: cells.iter().map(|cell| (cell.count, cell.count)).collect(),
        random: ChaCha8Rng::seed_from_u64(2),
    };
    if cells.iter().any(|cell| cell.fixed && cell.count < LEAST) {
        return None;
    }
    search.move_all();
    while let Some(cell) = search.narrow() {
        if search.widen(cell) {
            continue;
        }
        if !search.withhold_more(cell) {
            return None;
        }
    }
    Some(Withheld { cells: search.withheld, ranges: search.ranges })
}

fn sums_of(cells: usize, sums: &[Sum]) -> Vec<Vec<usize>> {
    let mut of = vec![Vec::new(); cells];
    for (number, sum) in sums.iter().enumerate() {
        for cell in sum.parts.iter().chain([&sum.total]) {
            of[*cell].push(number);
        }
    }
    of
}

struct Search<'a> {
    cells: &'a [Cell],
    sums: &'a [Sum],
    sums_of: Vec<Vec<usize>>,
    withheld: Vec<bool>,
    /// A table that once agreed with what was shown agrees with less as well: ranges only grow.
    ranges: Vec<(i64, i64)>,
    random: ChaCha8Rng,
}

impl Search<'_> {
    /// A withheld cell whose range is too narrow yet.
    fn narrow(&self) -> Option<usize> {
        (0..self.cells.len()).find(|cell| self.withheld[*cell] && self.is_narrow(*cell))
    }

    fn is_narrow(&self, cell: usize) -> bool {
        let (low, high) = self.ranges[cell];
        high - low < WIDTH
    }

    /// Widens many ranges at once, each cell pushed up or down by lot.
    fn move_all(&mut self) {
        let all: BTreeSet<usize> = (0..self.cells.len()).filter(|cell| self.withheld[*cell]).collect();
        for _ in 0..BROAD {
            let mut goal = Vec::new();
            for cell in &all {
                if self.is_narrow(*cell) {
                    goal.push((*cell, if self.random.random_bool(0.5) { 1.0 } else { -1.0 }));
                }
            }
            if goal.is_empty() {
                return;
            }
            self.propose(&all, &goal);
        }
    }

    /// Looks for tables in which one cell is as large, and as small, as can be; whether its range is wide enough then.
    fn widen(&mut self, cell: usize) -> bool {
        for most in [NEAR, usize::MAX] {
            let near = self.near(cell, most);
            for sign in [1.0, -1.0] {
                if self.is_narrow(cell) {
                    self.propose(&near, &[(cell, sign)]);
                }
            }
            if !self.is_narrow(cell) {
                return true;
            }
        }
        false
    }

    /// Withheld cells that have to do with one, the nearest first.
    fn near(&self, cell: usize, most: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::from([cell]);
        let mut edge = vec![cell];
        while found.len() < most && !edge.is_empty() {
            let mut next = Vec::new();
            for sum in edge.iter().flat_map(|cell| &self.sums_of[*cell]) {
                let sum = &self.sums[*sum];
                let members = sum.parts.iter().chain([&sum.total]).copied();
                next.extend(members.filter(|other| self.withheld[*other] && found.insert(*other)));
            }
            edge = next;
        }
        found
    }

    /// Has the solver move these cells towards a goal, the others standing still, and takes what it says if it is true.
    fn propose(&mut self, moving: &BTreeSet<usize>, goal: &[(usize, f64)]) {
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let mut variables: Vec<Option<Variable>> = vec![None; self.cells.len()];
        for cell in moving {
            let weight = goal.iter().find(|(wanted, _)| wanted == cell).map_or(0.0, |(_, weight)| *weight);
            // How far it moves, so that right-hand sides are zero.
            let down = self.cells[*cell].count.min(REACH);
            variables[*cell] = Some(problem.add_var(weight, (-real(down), real(REACH))));
        }
        for sum in self.sums {
            let mut terms: Vec<(Variable, f64)> =
                sum.parts.iter().filter_map(|part| variables[*part]).map(|variable| (variable, 1.0)).collect();
            terms.extend(variables[sum.total].map(|total| (total, -1.0)));
            if !terms.is_empty() {
                problem.add_constraint(terms.as_slice(), ComparisonOp::Eq, 0.0);
            }
        }
        let Ok(outcome) = problem.solve() else { return };
        let Some(solution) = outcome.solution() else { return };
        self.take(|cell| variables[cell].map_or(0, |variable| rounded(solution.var_value(variable))));
    }

    /// Widens ranges to a table that was proposed, if it agrees with everything shown.
    fn take(&mut self, moved: impl Fn(usize) -> i64) {
        let table: Vec<i64> = (0..self.cells.len()).map(|cell| self.cells[cell].count + moved(cell)).collect();
        if self.agrees(&table) {
            for (range, count) in self.ranges.iter_mut().zip(&table) {
                *range = (range.0.min(*count), range.1.max(*count));
            }
        }
    }

    /// Whether a table could be the true one as far as a reader sees.
    fn agrees(&self, table: &[i64]) -> bool {
        let holds = |sum: &Sum| sum.parts.iter().map(|part| table[*part]).sum::<i64>() == table[sum.total];
        let shown = |cell: usize| self.withheld[cell] || table[cell] == self.cells[cell].count;
        table.iter().all(|count| *count >= 0) && (0..table.len()).all(shown) && self.sums.iter().all(holds)
    }

    /// Withholds for the sake of one cell what makes its range wide enough at the least cost: a move of cells, shown ones as
    /// few and as little as can be, in which it moves by what its range lacks. Whether there is such a move, of shown
    /// cells too, is what comes back.
    fn withhold_more(&mut self, cell: usize) -> bool {
        let (low, high) = self.ranges[cell];
        let up = low + WIDTH - self.cells[cell].count;
        let down = self.cells[cell].count - (high - WIDTH);
        let moves =
            [self.cheapest(cell, up), (down <= self.cells[cell].count).then(|| self.cheapest(cell, -down)).flatten()];
        let Some((_, moved)) = moves.into_iter().flatten().min_by(|one, two| one.0.total_cmp(&two.0)) else {
            return false;
        };
        let mut more = false;
        for (cell, by) in moved.iter().enumerate() {
            more |= by.abs() > 1e-6 && !self.withheld[cell];
            self.withheld[cell] |= by.abs() > 1e-6;
        }
        self.take(|cell| rounded(moved[cell]));
        more || !self.is_narrow(cell)
    }

    /// The move of all cells in which one moves by so much, that costs least; with its cost.
    fn cheapest(&self, cell: usize, by: i64) -> Option<(f64, Vec<f64>)> {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let mut variables: Vec<Option<[Variable; 2]>> = Vec::new();
        for (place, known) in self.cells.iter().enumerate() {
            // What is withheld already moves for next to nothing; of the rest large counts are dearer than small ones.
            let cost = match (self.withheld[place], known.dear) {
                (true, _) => 1e-3,
                (false, dear) => (1.0 + real(known.count).ln()) * if dear { 10.0 } else { 1.0 },
            };
            let most = [REACH, known.count.min(REACH)];
            let wanted = [by.max(0), (-by).max(0)];
            let variable = |way: usize| {
                let bounds = if place == cell { (wanted[way], wanted[way]) } else { (0, most[way]) };
                (real(bounds.0), real(bounds.1))
            };
            let moves = !known.fixed || place == cell;
            variables.push(moves.then(|| [0, 1].map(|way| problem.add_var(cost, variable(way)))));
        }
        for sum in self.sums {
            let signed = sum.parts.iter().map(|part| (*part, 1.0)).chain([(sum.total, -1.0)]);
            let terms: Vec<(Variable, f64)> = signed
                .filter_map(|(place, sign)| variables[place].map(|[up, down]| [(up, sign), (down, -sign)]))
                .flatten()
                .collect();
            if !terms.is_empty() {
                problem.add_constraint(terms.as_slice(), ComparisonOp::Eq, 0.0);
            }
        }
        let outcome = problem.solve().ok()?;
        let solution = outcome.solution()?;
        let moved = |variables: &Option<[Variable; 2]>| {
            variables.map_or(0.0, |[up, down]| solution.var_value(up) - solution.var_value(down))
        };
        Some((solution.objective(), variables.iter().map(moved).collect()))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts that a cell moves by are small")]
fn real(count: i64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, reason = "what was proposed is checked")]
fn rounded(number: f64) -> i64 {
    number.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of rows and columns with its totals: the cells, then rows' totals, columns' totals, and the whole.
    fn two_ways(rows: &[&[i64]]) -> (Vec<Cell>, Vec<Sum>) {
        let (height, width) = (rows.len(), rows[0].len());
        let cell = |count: i64, fixed| Cell { count, fixed, dear: false };
        let mut cells: Vec<Cell> = rows.iter().flat_map(|row| row.iter().map(|count| cell(*count, false))).collect();
        cells.extend(rows.iter().map(|row| cell(row.iter().sum(), false)));
        cells.extend((0..width).map(|column| cell(rows.iter().map(|row| row[column]).sum(), false)));
        cells.push(cell(rows.iter().flat_map(|row| row.iter()).sum(), true));
        let row_total = height * width;
        let column_total = row_total + height;
        let all = column_total + width;
        let mut sums: Vec<Sum> = (0..height)
            .map(|row| Sum { total: row_total + row, parts: (row * width..(row + 1) * width).collect() })
            .collect();
        sums.extend((0..width).map(|column| Sum {
            total: column_total + column,
            parts: (0..height).map(|row| row * width + column).collect(),
        }));
        sums.push(Sum { total: all, parts: (row_total..column_total).collect() });
        sums.push(Sum { total: all, parts: (column_total..all).collect() });
        (cells, sums)
    }

    /// The range of each cell by trying all tables of three rows and three columns: the inner four cells are tried, with
    /// the totals, and the rest follows. Written for this test alone.
    fn by_trying(counts: [[i64; 3]; 3], shown: &[bool]) -> Vec<(i64, i64)> {
        let whole: i64 = counts.iter().flatten().sum();
        let truth = {
            let mut all: Vec<i64> = counts.iter().flatten().copied().collect();
            all.extend(counts.iter().map(|row| row.iter().sum::<i64>()));
            all.extend((0..3).map(|column| counts.iter().map(|row| row[column]).sum::<i64>()));
            all.push(whole);
            all
        };
        let mut ranges = vec![(i64::MAX, i64::MIN); truth.len()];
        let choices = |place: usize| if shown[place] { truth[place]..=truth[place] } else { 0..=whole };
        let mut table = truth.clone();
        fill(0, &mut table, &choices, whole, &mut ranges);
        ranges
    }

    fn fill(
        place: usize,
        table: &mut Vec<i64>,
        choices: &dyn Fn(usize) -> std::ops::RangeInclusive<i64>,
        left: i64,
        ranges: &mut [(i64, i64)],
    ) {
        if place == 9 {
            if left != 0 {
                return;
            }
            for line in 0..3 {
                table[9 + line] = table[3 * line..3 * line + 3].iter().sum();
                table[12 + line] = table[line] + table[3 + line] + table[6 + line];
            }
            if (9..15).all(|total| choices(total).contains(&table[total])) {
                for (range, count) in ranges.iter_mut().zip(table.iter()) {
                    *range = (range.0.min(*count), range.1.max(*count));
                }
            }
            return;
        }
        for count in choices(place) {
            if count > left {
                break;
            }
            table[place] = count;
            if place % 3 == 2 && !choices(9 + place / 3).contains(&table[place - 2..=place].iter().sum()) {
                continue;
            }
            fill(place + 1, table, choices, left - count, ranges);
        }
    }

    #[test]
    fn no_withheld_cell_is_narrower_than_the_rule_itself_whatever_table_is_tried() {
        let tables = [
            [[30, 14, 3], [12, 13, 12], [14, 12, 12]],
            [[4, 14, 12], [12, 0, 14], [13, 12, 5]],
            [[11, 11, 1], [0, 15, 12], [2, 12, 12]],
            [[12, 13, 14], [15, 1, 2], [12, 3, 12]],
        ];
        for counts in tables {
            let rows: Vec<&[i64]> = counts.iter().map(<[i64; 3]>::as_slice).collect();
            let (cells, sums) = two_ways(&rows);
            let found = withhold(&cells, &sums).unwrap();
            let shown: Vec<bool> = found.cells.iter().map(|withheld| !withheld).collect();
            let tried = by_trying(counts, &shown);
            for (place, cell) in cells.iter().enumerate() {
                assert!(cell.count >= LEAST || found.cells[place]);
                if found.cells[place] {
                    let ((low, high), (least, most)) = (found.ranges[place], tried[place]);
                    assert!(most - least >= WIDTH, "{counts:?}: cell {place} lies in {least} to {most}");
                    assert!(least <= low && high <= most, "{counts:?}: cell {place} was said to reach {low} to {high}");
                } else {
                    assert_eq!(tried[place], (cell.count, cell.count));
                }
            }
        }
    }

    /// A single small cell follows from its row: another of the row is withheld, and with it two of another row.
    #[test]
    fn a_lone_small_cell_takes_three_others_with_it() {
        let (cells, sums) = two_ways(&[&[30, 40, 3], &[20, 25, 35], &[50, 60, 70]]);
        let found = withhold(&cells, &sums).unwrap();
        let inner: Vec<usize> = (0..9).filter(|place| found.cells[*place]).collect();
        assert!(inner.contains(&2) && inner.len() >= 4, "{inner:?}");
    }

    #[test]
    fn where_nothing_can_be_withheld_nothing_is_shown() {
        let cells = [(20, true), (15, true), (5, false)].map(|(count, fixed)| Cell { count, fixed, dear: false });
        assert!(withhold(&cells, &[Sum { total: 0, parts: vec![1, 2] }]).is_none());
        let cells = [(5, true), (5, false)].map(|(count, fixed)| Cell { count, fixed, dear: false });
        assert!(withhold(&cells, &[Sum { total: 0, parts: vec![1] }]).is_none());
    }
}
