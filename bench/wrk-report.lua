-- The last line of wrk's output: what the bench reads of it. Latencies are microseconds.
function done(summary, latency, _requests)
  local errors = summary.errors
  io.write(string.format(
    '{"answers":%d,"microseconds":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
