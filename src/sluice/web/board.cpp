#include "sluice/web/board.hpp"

namespace sluice::web {
namespace {

void add(runtime::RunReport& sum, const runtime::RunReport& more) {
  sum.add(more.written, more.received);
  sum.objects += more.objects;
  sum.objects_known += more.objects_known;
  sum.elapsed += more.elapsed;
  for (double runtime::RunReport::*stage :
       {&runtime::RunReport::receive, &runtime::RunReport::decode, &runtime::RunReport::select,
        &runtime::RunReport::encode, &runtime::RunReport::database, &runtime::RunReport::settle,
        &runtime::RunReport::waiting}) {
    sum.*stage += more.*stage;
  }
  for (const auto& [reason, count] : more.rejects_by_reason) sum.rejects_by_reason[reason] += count;
  for (const auto& [kind, count] : more.calls) sum.calls[kind] += count;
}

}  // namespace

std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::starting: return "starting";
    case JobState::waiting: return "waiting";
    case JobState::running: return "running";
    case JobState::standby: return "standby";
    case JobState::retrying: return "retrying";
    case JobState::halted: return "halted";
  }
  return "?";
}

std::size_t Board::add_job(std::string project, std::string name, bool scheduled) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back({.project = std::move(project), .name = std::move(name), .scheduled = scheduled});
  return jobs_.size() - 1;
}

std::size_t Board::add_flow(std::string project, std::string flow) {
  const std::lock_guard lock(mutex_);
  flows_.push_back({.project = std::move(project), .flow = std::move(flow)});
  return flows_.size() - 1;
}

std::size_t Board::add_export(std::string project, std::string flow) {
  const std::lock_guard lock(mutex_);
  exports_.push_back({.project = std::move(project), .flow = std::move(flow)});
  return exports_.size() - 1;
}

void Board::state(std::size_t job, JobState state, std::optional<std::int64_t> next_due) {
  const std::lock_guard lock(mutex_);
  JobFigures& figures = jobs_[job];
  figures.state = state;
  figures.was_up |= state == JobState::waiting || state == JobState::running || state == JobState::standby;
  if (state == JobState::standby)
    figures.last_failed = false;  // how it goes on is told by the server that has the turn
  if (next_due) figures.next_due = next_due;
}

void Board::run_ended(std::size_t job, bool failed, bool stopped, double seconds, std::int64_t now) {
  const std::lock_guard lock(mutex_);
  JobFigures& figures = jobs_[job];
  ++(failed ? figures.runs_failed : stopped ? figures.runs_stopped : figures.runs_done);
  figures.last_seconds = seconds;
  if (!failed && !stopped) figures.last_success = now;
  if (!stopped) figures.last_failed = failed && figures.scheduled;
}

void Board::progress(std::size_t flow, const runtime::RunReport& report) {
  const std::lock_guard lock(mutex_);
  flows_[flow].current = report;
}

void Board::flow_ended(std::size_t flow, const runtime::RunReport& report) {
  const std::lock_guard lock(mutex_);
  add(flows_[flow].ended, report);
  flows_[flow].current = {};
}

void Board::export_ended(std::size_t out, const runtime::ExportReport* report) {
  const std::lock_guard lock(mutex_);
  ExportFigures& figures = exports_[out];
  if (report == nullptr) {
    ++figures.failures;
    return;
  }
  if (report->stopped) return;
  figures.rows += report->rows;
  figures.objects += report->files.size();
  figures.unchanged += report->unchanged;
  for (const runtime::ManifestEntry& file : report->files) figures.bytes += file.bytes;
}

void Board::depth(std::size_t flow, std::optional<QueueDepth> depth) {
  const std::lock_guard lock(mutex_);
  flows_[flow].depth = depth;
}

void Board::drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
}

std::vector<JobFigures> Board::jobs() const {
  const std::lock_guard lock(mutex_);
  return jobs_;
}

std::vector<FlowFigures> Board::flows() const {
  const std::lock_guard lock(mutex_);
  std::vector<FlowFigures> out = flows_;
  for (FlowFigures& flow : out) {
    add(flow.ended, flow.current);
    flow.current = {};
  }
  return out;
}

std::vector<ExportFigures> Board::exports() const {
  const std::lock_guard lock(mutex_);
  return exports_;
}

std::vector<std::string> Board::unready() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  if (draining_) out.emplace_back("draining");
  for (const JobFigures& job : jobs_) {
    const bool working = job.was_up && job.state != JobState::retrying && job.state != JobState::halted;
    if (working && !job.last_failed) continue;
    out.push_back(job.project + " " + job.name + ": " + std::string(to_string(job.state)) +
                  (job.last_failed ? ", its last run failed" : ""));
  }
  return out;
}

}  // namespace sluice::web
