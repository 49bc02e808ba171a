#include "sluice/assembly/server_jobs.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/run_steps.hpp"
#include "sluice/core/log.hpp"

namespace sluice::assembly {
namespace {

using schedule::SystemTime;
using std::chrono::milliseconds;
using std::chrono::seconds;
using web::JobState;

std::int64_t micros(SystemTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

// The ledger is opened for each question, and for as long as a run is at work: a DuckDB file is free in between.
class LedgerTurns final : public runtime::Turns {
 public:
  LedgerTurns(const project::Connection& connection, Turn turn) : connection_(connection), turn_(std::move(turn)) {}

  Result<std::optional<SystemTime>> last(SystemTime now) override {
    SLUICE_TRY(const auto database, open_database(connection_, system_clock()));
    if (!hold_) {
      SLUICE_TRY(hold_, database->hold_for_server());
      if (!hold_) return std::nullopt;
    }
    SLUICE_TRY(const std::int64_t last, database->ledger().last_fire(turn_, micros(now)));
    return std::chrono::floor<seconds>(
        std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(last)));
  }
  Result<bool> take(SystemTime due) override {
    SLUICE_TRY(database_, open_database(connection_, system_clock()));
    const Result<bool> taken = database_->ledger().take_turn(turn_, micros(due));
    if (!taken.value_or(false)) database_.reset();
    return taken;
  }
  Result<bool> keep() override { return database_->ledger().keep_turn(turn_); }
  Result<void> end(std::optional<SystemTime> done) override {
    const auto database = std::exchange(database_, nullptr);
    return database->ledger().end_turn(turn_, done ? std::optional(micros(*done)) : std::nullopt);
  }

 private:
  const project::Connection& connection_;
  Turn turn_;
  std::shared_ptr<const void> hold_;
  std::unique_ptr<Database> database_;
};

}  // namespace

const project::Connection& Served::connection(const std::string& name) const {
  const auto found = std::ranges::find(project.connections, name, &project::Connection::name);
  assert(found != project.connections.end());  // the reader has checked every name
  return *found;
}

void ServerShared::fail_with(const std::string& place, Error what) {
  log::error("failed", {{"job", place}, {"error", what.text()}});
  const std::lock_guard lock(mutex);
  if (!error) error = std::move(what).within(place);
}

void ServerShared::rest(milliseconds time) const {
  constexpr milliseconds step(200);
  for (; time.count() > 0 && !stop.stop_requested(); time -= step) clock.sleep(std::min(time, step));
}

bool is_followed(const project::Flow& flow, const Served& served) {
  return !flow.schedule && served.connection(flow.from.connection).kind->role == project::Role::queue;
}

bool is_of_project_schedule(const project::Flow& flow, const Served& served) {
  return served.project.schedule && !flow.schedule && !is_followed(flow, served);
}

FollowJob::FollowJob(ServerShared& shared, const Served& served, const project::Flow& flow)
    : shared_(shared),
      served_(served),
      flow_(flow.name),
      job_(shared.board.add_job(served.project.name, flow.name, false)) {}

void FollowJob::work() {
  constexpr milliseconds pause_least(1000);
  constexpr milliseconds pause_most(60'000);
  milliseconds pause = pause_least;
  const std::string place = served_.project.name + " " + flow_;
  bool told = false;
  while (!shared_.stop.stop_requested()) {
    const auto started = shared_.clock.steady();
    Result<std::optional<runtime::RunOutcome>> ran = follow();
    std::optional<Error> error;
    if (!ran) error = std::move(ran).error();
    if (ran && *ran) error = std::move((*ran)->error);
    if (ran && !*ran) {
      if (!told) log::info("another server works on the database, this one stands by", {{"flow", place}});
      told = true;
      shared_.board.state(job_, JobState::standby);
      shared_.rest(pause_least);
      continue;
    }
    const double took = std::chrono::duration<double>(shared_.clock.steady() - started).count();
    shared_.board.run_ended(job_, error.has_value(), ran && (*ran)->stopped, took,
                            shared_.clock.now_micros() / 1'000'000);
    if (!error) {
      pause = pause_least;
      continue;
    }
    // More rejects than allowed: each attempt would commit as many again.
    if (error->fault == Fault::data || shared_.stop.stop_requested()) {
      shared_.board.state(job_, JobState::halted);
      shared_.fail_with(place, *std::move(error));
      return;
    }
    if (took > 60) pause = pause_least;
    log::error("flow failed, and is tried again",
               {{"flow", place}, {"error", error->text()}, {"in_seconds", std::to_string(pause.count() / 1000)}});
    shared_.board.state(job_, JobState::retrying);
    shared_.rest(pause);
    pause = std::min(pause * 2, pause_most);
  }
}

Result<std::optional<runtime::RunOutcome>> FollowJob::follow() {
  SLUICE_TRY(const auto assembly, assemble(served_.arguments, Keys::required));
  SLUICE_TRY(const project::Flow* flow, find_flow(assembly->project, flow_));
  SLUICE_TRY(const auto database, open_database(assembly->connection(flow->into_connection), system_clock()));
  SLUICE_TRY(const auto hold, database->hold_for_server());
  if (!hold) return std::nullopt;
  const std::size_t number = served_.flows.at(flow_);
  FlowRunOptions options;
  options.queue_wait = seconds(0);  // a queue that is missing is looked for again later
  options.stop = shared_.stop;
  options.follow = to_the_full_hour();
  options.progress = [&](const runtime::RunReport& report) {
    shared_.board.state(job_, JobState::running);
    shared_.board.progress(number, report);
  };
  options.finished = [&](const std::string&, const runtime::RunOutcome& outcome) {
    shared_.board.flow_ended(number, outcome.report);
  };
  return run_flow(*assembly, *flow, options);
}

seconds FollowJob::to_the_full_hour() const {
  const auto now = std::chrono::floor<seconds>(shared_.clock.now());
  return std::chrono::floor<std::chrono::hours>(now) + std::chrono::hours(1) - now;
}

Scheduled job_of(const project::Flow& flow) { return {flow.name, *flow.schedule, flow.watch, flow.into_connection}; }

// Turns are kept where the project writes; what only exports has nothing but what it reads.
Scheduled job_of(const project::Project& project, const project::Export& out) {
  return {out.name, *out.schedule, out.watch,
          project.models          ? project.models->connection
          : project.flows.empty() ? out.connection
                                  : project.flows.front().into_connection};
}

Scheduled job_of_project(const project::Project& project) {
  return {"", *project.schedule, project.watch,
          project.models          ? project.models->connection
          : project.flows.empty() ? project.exports.front().connection
                                  : project.flows.front().into_connection};
}

bool keeps_turns(const project::Project& project, const std::string& connection) {
  const auto there = [&](const Scheduled& job) { return job.database == connection; };
  return (project.schedule && there(job_of_project(project))) ||
         std::ranges::any_of(project.flows,
                             [&](const project::Flow& flow) { return flow.schedule && there(job_of(flow)); }) ||
         std::ranges::any_of(project.exports,
                             [&](const project::Export& out) { return out.schedule && there(job_of(project, out)); });
}

ScheduleJob::ScheduleJob(ServerShared& shared, const Served& served, Scheduled scheduled)
    : shared_(shared),
      served_(served),
      scheduled_(std::move(scheduled)),
      job_(shared.board.add_job(served.project.name, scheduled_.flow.empty() ? served.project.name : scheduled_.flow,
                                true)),
      watch_(scheduled_.watched.size()) {}

void ScheduleJob::work() {
  LedgerTurns turns(served_.connection(scheduled_.database), turn());
  runtime::ScheduleOptions options;
  options.name = name();
  options.keep_every = milliseconds(shared_.lease) / 3;
  options.tell = [this](runtime::ScheduleState state, std::optional<SystemTime> next) {
    constexpr std::array states{JobState::waiting, JobState::standby, JobState::running, JobState::retrying};
    shared_.board.state(job_, states[static_cast<std::size_t>(state)],
                        next ? std::optional<std::int64_t>(next->time_since_epoch().count()) : std::nullopt);
  };
  runtime::keep_schedule(
      scheduled_.schedule, turns, [this](SystemTime due, const std::stop_token& stop) { return run(due, stop); },
      options, shared_.clock, shared_.stop);
}

// What polls says something when there was something to do.
bool ScheduleJob::run(SystemTime due, const std::stop_token& stop) {
  const auto started = shared_.clock.steady();
  const Result<bool> moved = this->moved(due);
  if (moved && !*moved) {
    log::debug("nothing moved", {{"schedule", name()}});
    watch_.settle();
    return true;
  }
  const std::string time = schedule::utc_text(due);
  const bool polls = scheduled_.schedule.every.count() > 0 && scheduled_.watched.empty();
  if (!polls) log::info("run begins", {{"schedule", name()}, {"due", time}});
  did_something_ = false;
  turn_lost_ = false;
  Result<Answer> answer = moved ? run_due(due, stop) : fail(moved.error());
  const double took = std::chrono::duration<double>(shared_.clock.steady() - started).count();
  const Error* error = !answer ? &answer.error() : answer->error ? &*answer->error : nullptr;
  const bool stopped = stop.stop_requested() || turn_lost_;
  shared_.board.run_ended(job_, error != nullptr, stopped, took, shared_.clock.now_micros() / 1'000'000);
  if (error != nullptr) {
    log::error("run failed", {{"schedule", name()}, {"due", time}, {"error", error->text()}});
  } else {
    const auto tell = polls && !did_something_ && !stopped ? &log::debug : &log::info;
    tell(stopped ? "run stopped" : "run done", {{"schedule", name()}, {"due", time}, {"summary", answer->summary}});
  }
  if (error == nullptr && !stopped) watch_.settle();
  return !stopped;
}

Result<bool> ScheduleJob::moved(SystemTime due) {
  if (scheduled_.watched.empty()) return true;
  std::map<std::string, std::unique_ptr<Database>> databases;
  for (const project::Watched& one : scheduled_.watched) {
    if (databases.contains(one.connection)) continue;
    SLUICE_TRY(databases[one.connection], open_database(served_.connection(one.connection), system_clock()));
  }
  const auto look = [&](std::size_t number, const TableMark* before) -> Result<TableLook> {
    const project::Watched& one = scheduled_.watched[number];
    SLUICE_TRY(TableLook seen, databases.at(one.connection)->look(one.table, before));
    if (!seen.mark.there && (before == nullptr || before->there)) {
      log::warning("a table that is watched is not there",
                   {{"connection", one.connection}, {"table", one.table.table.text()}});
    }
    return seen;
  };
  return watch_.moved(schedule::local_date(scheduled_.schedule.zone, due), look);
}

bool ScheduleJob::is_chosen(const Assembly& assembly, const Work& work, std::size_t step) const {
  if (!scheduled_.flow.empty()) return work.graph.steps()[step].name == scheduled_.flow;
  if (work.is_flow(step)) return is_of_project_schedule(assembly.project.flows[step], served_);
  return work.is_model(step) || !assembly.project.exports[step - work.flows].schedule;
}

Result<Answer> ScheduleJob::run_due(SystemTime due, const std::stop_token& stop) {
  SLUICE_TRY(const auto assembly, assemble(served_.arguments, Keys::required, {micros(due), scheduled_.schedule.zone}));
  SLUICE_TRY(const Work work, plan_work(*assembly));
  std::vector<bool> chosen(work.graph.steps().size(), false);
  for (std::size_t step = 0; step < chosen.size(); ++step) {
    chosen[step] = is_chosen(*assembly, work, step);
    did_something_ |= chosen[step] && work.is_model(step);
  }
  if (std::ranges::count(chosen, true) == 0)
    return fail(Fault::config, "there is no flow '" + scheduled_.flow + "' any more", "start the server again");
  FlowRunOptions options;
  options.queue_wait = seconds(0);
  options.stop = stop;
  options.finished = [this](const std::string& flow, const runtime::RunOutcome& outcome) {
    did_something_ |= outcome.report.received > 0 || outcome.report.objects > outcome.report.objects_known;
    if (const auto found = served_.flows.find(flow); found != served_.flows.end())
      shared_.board.flow_ended(found->second, outcome.report);
  };
  options.exported = [this](const std::string& flow, const runtime::ExportReport* report) {
    did_something_ |= report != nullptr && report->files.size() > report->unchanged;
    if (const auto found = served_.exports.find(flow); found != served_.exports.end())
      shared_.board.export_ended(found->second, report);
  };
  options.turn = {turn(),
                  [this]() -> Result<bool> {
                    // A connection of its own: the one that renews the lease works in another thread.
                    SLUICE_TRY(const auto database,
                               open_database(served_.connection(scheduled_.database), system_clock()));
                    return database->ledger().keep_turn(turn());
                  },
                  [this] { turn_lost_ = true; }};
  return run_steps(*assembly, shared_.session, std::move(options), work, chosen);
}

void DepthJob::work() {
  while (!shared_.stop.stop_requested() && shared_.left > 0) {
    for (const Served& served : served_) {
      for (const project::Flow& flow : served.project.flows) {
        if (served.connection(flow.from.connection).kind->role == project::Role::queue) look(served, flow);
      }
    }
    for (int i = 0; i < 30 && !shared_.stop.stop_requested() && shared_.left > 0; ++i) shared_.rest(seconds(1));
  }
}

void DepthJob::look(const Served& served, const project::Flow& flow) {
  const auto queue = open_queue(served.connection(flow.from.connection), system_clock());
  const Result<QueueFacts> facts = queue ? (*queue)->facts(seconds(0)) : fail(queue.error());
  shared_.board.depth(served.flows.at(flow.name), facts ? std::optional(facts->depth) : std::nullopt);
}

}  // namespace sluice::assembly
