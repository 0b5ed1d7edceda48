/** The wall clock, injected wherever a decision depends on the time, so that a test can set it. */
export type Clock = () => Date
