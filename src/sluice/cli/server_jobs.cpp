#include "sluice/cli/server_jobs.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "sluice/cli/connectors.hpp"
#include "sluice/cli/run_steps.hpp"
#include "sluice/core/log.hpp"

namespace sluice::cli {
namespace {

using schedule::SystemTime;
using std::chrono::milliseconds;
using std::chrono::seconds;
using web::JobState;

std::int64_t micros(SystemTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

// Whose ledger keeps the turns: of the database that a flow writes to; of the models; of the project's first flow.
const std::string& ledger_of(const Served& served, const project::Flow* flow) {
  if (flow == nullptr && served.project.models) return served.project.models->connection;
  if (flow == nullptr && served.project.flows.empty()) return served.project.exports.front().connection;
  const project::Flow& one = flow != nullptr ? *flow : served.project.flows.front();
  return one.into_connection;
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
    : shared_(shared), served_(served), flow_(flow.name), job_(shared.board.add_job(served.project.name, flow.name)) {}

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

ScheduleJob::ScheduleJob(ServerShared& shared, const Served& served, const project::Flow* flow)
    : shared_(shared),
      served_(served),
      schedule_(flow != nullptr ? *flow->schedule : *served.project.schedule),
      flow_(flow != nullptr ? flow->name : ""),
      database_(ledger_of(served, flow)),
      job_(shared.board.add_job(served.project.name, flow != nullptr ? flow->name : served.project.name)),
      watched_(flow != nullptr ? flow->watch : served.project.watch),
      watch_(watched_.size()) {}

void ScheduleJob::work() {
  LedgerTurns turns(served_.connection(database_), {served_.project.name, flow_, shared_.holder, shared_.lease});
  runtime::ScheduleOptions options;
  options.name = served_.project.name + (flow_.empty() ? "" : " " + flow_);
  options.keep_every = milliseconds(shared_.lease) / 3;
  options.tell = [this](runtime::ScheduleState state, std::optional<SystemTime> next) {
    constexpr std::array states{JobState::waiting, JobState::standby, JobState::running, JobState::retrying};
    shared_.board.state(job_, states[static_cast<std::size_t>(state)],
                        next ? std::optional<std::int64_t>(next->time_since_epoch().count()) : std::nullopt);
  };
  runtime::keep_schedule(
      schedule_, turns, [this](SystemTime due, const std::stop_token& stop) { return run(due, stop); }, options,
      shared_.clock, shared_.stop);
}

bool ScheduleJob::run(SystemTime due, const std::stop_token& stop) {
  const auto started = shared_.clock.steady();
  const Result<bool> moved = this->moved(due);
  if (moved && !*moved) {
    watch_.settle();
    return true;
  }
  Result<Answer> answer = moved ? run_due(due, stop) : fail(moved.error());
  const double took = std::chrono::duration<double>(shared_.clock.steady() - started).count();
  const Error* error = !answer ? &answer.error() : answer->error ? &*answer->error : nullptr;
  const bool stopped = stop.stop_requested();
  shared_.board.run_ended(job_, error != nullptr, stopped, took, shared_.clock.now_micros() / 1'000'000);
  const std::string name = served_.project.name + (flow_.empty() ? "" : " " + flow_);
  if (error != nullptr) {
    log::error("run failed", {{"schedule", name}, {"error", error->text()}});
  } else {
    log::info(stopped ? "run stopped" : "run done", {{"schedule", name}, {"summary", answer->summary}});
  }
  if (error == nullptr && !stopped) watch_.settle();
  return !stopped;
}

Result<bool> ScheduleJob::moved(SystemTime due) {
  if (watched_.empty()) return true;
  std::map<std::string, std::unique_ptr<Database>> databases;
  for (const project::Watched& one : watched_) {
    if (databases.contains(one.connection)) continue;
    SLUICE_TRY(databases[one.connection], open_database(served_.connection(one.connection), system_clock()));
  }
  const auto look = [&](std::size_t number, const TableMark* before) -> Result<TableLook> {
    const project::Watched& one = watched_[number];
    SLUICE_TRY(TableLook seen, databases.at(one.connection)->look(one.table, before));
    if (!seen.mark.there && (before == nullptr || before->there)) {
      log::warning("a table that is watched is not there",
                   {{"connection", one.connection}, {"table", one.table.table.text()}});
    }
    return seen;
  };
  return watch_.moved(schedule::local_date(schedule_.zone, due), look);
}

Result<Answer> ScheduleJob::run_due(SystemTime due, const std::stop_token& stop) {
  SLUICE_TRY(const auto assembly, assemble(served_.arguments, Keys::required, {micros(due), schedule_.zone}));
  SLUICE_TRY(const Work work, plan_work(*assembly));
  std::vector<bool> chosen(work.graph.steps().size(), false);
  if (!flow_.empty()) {
    SLUICE_TRY(const project::Flow* flow, find_flow(assembly->project, flow_));
    chosen[static_cast<std::size_t>(flow - assembly->project.flows.data())] = true;
  } else {
    for (std::size_t step = 0; step < chosen.size(); ++step) {
      chosen[step] = !work.is_flow(step) || is_of_project_schedule(assembly->project.flows[step], served_);
    }
  }
  FlowRunOptions options;
  options.queue_wait = seconds(0);
  options.stop = stop;
  options.finished = [this](const std::string& flow, const runtime::RunOutcome& outcome) {
    if (const auto found = served_.flows.find(flow); found != served_.flows.end())
      shared_.board.flow_ended(found->second, outcome.report);
  };
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

}  // namespace sluice::cli
