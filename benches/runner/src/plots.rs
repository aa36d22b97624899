//! Results as plots: bars for one size, lines for several.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::catalogue::{Column, Workload};
use crate::client::Client;
use crate::results::Results;
use crate::tables::unit;

const OURS: RGBColor = RGBColor(31, 119, 180);
const THEIRS: RGBColor = RGBColor(214, 121, 54);
const FLOOR: RGBColor = RGBColor(150, 150, 150);
/// Of lines.
const COLOURS: [RGBColor; 8] = [
    RGBColor(31, 119, 180),
    RGBColor(23, 190, 207),
    RGBColor(44, 160, 44),
    RGBColor(214, 39, 40),
    RGBColor(255, 127, 14),
    RGBColor(148, 103, 189),
    RGBColor(90, 90, 90),
    RGBColor(170, 170, 170),
];

const FONT: &str = "sans-serif";

/// The plots of a workload, without `.svg`.
pub(crate) fn names(workload: &Workload) -> Vec<String> {
    let several = workload.points.len() > 1;
    let columns = if several { workload.columns } else { &workload.columns[..1] };
    let name = |column: &Column| match column.figure {
        figure if figure == workload.columns[0].figure => workload.name.to_owned(),
        figure => format!("{}-{figure}", workload.name),
    };
    columns.iter().map(name).collect()
}

pub(crate) fn draw_all(workloads: &[Workload], results: &Results, folder: &Path) -> Result<()> {
    for workload in workloads {
        for (name, column) in names(workload).iter().zip(workload.columns) {
            let file = folder.join(format!("{name}.svg"));
            let drawn = match workload.points.len() {
                1 => bars(workload, column, results, &file),
                _ => lines(workload, column, results, &file),
            };
            drawn.map_err(|error| anyhow!("cannot draw {}: {error}", file.display()))?;
        }
    }
    Ok(())
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// One bar per client, the floors at the bottom.
fn bars(workload: &Workload, column: &Column, results: &Results, file: &Path) -> Drawn {
    let figures: Vec<(&str, f64)> = workload
        .clients
        .iter()
        .filter_map(|client| {
            Some((*client, results.median(workload.name, 0, client, column.figure)?))
        })
        .collect();
    if figures.is_empty() {
        return Ok(());
    }
    let (row, top, left, width) = (22, 40, 160, 860);
    let height = top + row * figures.len() as i32 + 10;
    let area = SVGBackend::new(file, (width as u32, height as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    let text = |size| (FONT, size).into_font();
    area.draw(&Text::new(plain(workload, column), (8, 10), text(15)))?;
    let longest = figures.iter().map(|(_, figure)| *figure).fold(0.0, f64::max);
    for (index, (name, figure)) in figures.iter().enumerate() {
        let y = top + row * index as i32;
        let client = Client::named(name);
        let colour = match client {
            Some(client) if client.is_floor() => FLOOR,
            Some(client) if client.ours.is_none() => OURS,
            _ => THEIRS,
        };
        let length = (figure / longest * f64::from(width - left - 110)) as i32;
        area.draw(&Text::new((*name).to_owned(), (8, y + 2), text(13)))?;
        area.draw(&Rectangle::new(
            [(left, y), (left + length.max(1), y + row - 6)],
            colour.filled(),
        ))?;
        let label = unit(*figure, column.unit);
        area.draw(&Text::new(label, (left + length + 6, y + 2), text(13)))?;
    }
    area.present()?;
    Ok(())
}

/// One line per client, both axes logarithmic.
fn lines(workload: &Workload, column: &Column, results: &Results, file: &Path) -> Drawn {
    let line = |client: &&'static str| {
        let figures = workload.points.iter().enumerate().filter_map(|(index, point)| {
            let figure = results.median(workload.name, index, client, column.figure)?;
            // A logarithmic axis has no zero.
            (figure > 0.0).then_some((point.at as f64, figure))
        });
        (*client, figures.collect::<Vec<_>>())
    };
    let all: Vec<(&str, Vec<(f64, f64)>)> = workload.clients.iter().map(line).collect();
    let every = || all.iter().flat_map(|(_, figures)| figures.iter().copied());
    if every().next().is_none() {
        return Ok(());
    }
    let bounds = |pick: fn((f64, f64)) -> f64| {
        let least = every().map(pick).fold(f64::INFINITY, f64::min);
        let most = every().map(pick).fold(0.0, f64::max);
        (least * 0.8, most * 1.25)
    };
    let ((left, right), (low, high)) = (bounds(|it| it.0), bounds(|it| it.1));
    let area = SVGBackend::new(file, (860, 460)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(plain(workload, column), (FONT, 15))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d((left..right).log_scale(), (low..high).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(workload.points[0].numbers[0].0)
        .x_label_formatter(&|at| format!("{at}"))
        .y_label_formatter(&|figure| unit(*figure, column.unit))
        .light_line_style(WHITE)
        .draw()?;
    for ((name, figures), colour) in all.iter().zip(COLOURS.iter().cycle()) {
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(figures.clone(), style).point_size(3))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(FLOOR)
        .draw()?;
    area.present()?;
    Ok(())
}

fn plain(workload: &Workload, column: &Column) -> String {
    format!("{}: {}", workload.heading().replace('`', ""), column.heading)
}
