/** One line of the result: what was measured, against what, and whether the goal is met. */

/** @param goal `atLeast` or `atMost`: the ratio to `than` where there is one, else the value itself */
export function resultLine({ row, measure, value, than, goal }) {
  const compared = than?.value === undefined ? undefined : than
  const ratio = compared && value / compared.value
  const judged = than ? ratio : value
  const met =
    goal === undefined || judged === undefined
      ? undefined
      : judged >= (goal.atLeast ?? -Infinity) && judged <= (goal.atMost ?? Infinity)
  return {
    case: row,
    measure,
    ours: value,
    compared: compared?.name,
    other: compared?.value,
    ratio,
    goal: goal && goalText(goal, than),
    met,
  }
}

function goalText({ atLeast, atMost }, than) {
  const unit = than ? ` × ${than.name}` : ''
  if (atLeast !== undefined && atMost !== undefined) return `${atLeast} – ${atMost}${unit}`
  return atLeast === undefined ? `≤ ${atMost}${unit}` : `≥ ${atLeast}${unit}`
}

/** The lines as a table in Markdown, which is readable in a terminal too. */
export function resultTable(lines) {
  const head = ['case', 'measure', 'measured', 'compared with', 'ratio', 'goal', 'met']
  const rows = lines.map((line) => [
    line.case,
    line.measure,
    shown(line.ours),
    line.compared ? `${line.compared}: ${shown(line.other)}` : '–',
    line.ratio === undefined ? '–' : shown(line.ratio),
    line.goal ?? '–',
    line.met === undefined ? '–' : line.met ? 'yes' : '**no**',
  ])
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  )
  const print = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  return [print(head), print(widths.map((width) => '-'.repeat(width))), ...rows.map(print)].join(
    '\n',
  )
}

function shown(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
