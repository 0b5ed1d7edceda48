/** Dates and times as an operator writes them. */

const timePattern =
  /^\d{4}-\d\d-\d\d(?:[T ](?<time>\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(?<zone>Z|[+-]\d\d:\d\d)?)?$/

/**
 * A moment of ISO 8601; a date alone is its first moment in UTC.
 *
 * @returns a sentence for whoever wrote it where it is none
 */
export function parseMoment(text: string): Date | string {
  const { groups } = timePattern.exec(text) ?? {}
  const moment = new Date(text.replace(' ', 'T'))
  if (groups === undefined || Number.isNaN(moment.getTime()) || isAnotherDay(text)) {
    return `"${text}" is no date and no time; write 2027-01-31 or 2027-01-31T18:00Z`
  }
  if (groups['time'] !== undefined && groups['zone'] === undefined) {
    return `"${text}" says no zone; write ${text}Z for UTC, or ${text}+01:00`
  }
  return moment
}

/** JavaScript takes the 30th of February for the 2nd of March. */
function isAnotherDay(text: string): boolean {
  const day = text.slice(0, 10)
  const read = new Date(day)
  return Number.isNaN(read.getTime()) || read.toISOString().slice(0, 10) !== day
}
