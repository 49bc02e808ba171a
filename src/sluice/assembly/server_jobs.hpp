// The jobs of a server: which a project has, and how each of them works.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sluice/assembly/flow_run.hpp"
#include "sluice/assembly/work.hpp"
#include "sluice/core/queue.hpp"
#include "sluice/runtime/scheduler.hpp"
#include "sluice/runtime/watch.hpp"
#include "sluice/web/board.hpp"

namespace sluice::assembly {

// One project file, read at the start. Each run reads it again, for the values of its own day.
struct Served {
  ProjectArguments arguments;
  project::Project project;
  std::map<std::string, std::size_t> flows;    // name -> the number on the board
  std::map<std::string, std::size_t> exports;  // the same

  const project::Connection& connection(const std::string& name) const;
};

// What all jobs share; it outlives them.
struct ServerShared {
  const Clock& clock;
  std::stop_token stop;
  std::chrono::seconds lease;
  std::string holder;  // another one each server
  Session session;     // of the runs: no live line
  web::Board board{};
  std::atomic<std::size_t> left{0};  // jobs that still work

  std::mutex mutex{};  // guards what follows
  std::optional<Error> error{};

  void fail_with(const std::string& place, Error what);
  void rest(std::chrono::milliseconds time) const;  // no longer than until a stop
};

// Follows the flow's queue. A run of it lasts to the next full hour, so that the ledger lists what came when, old
// message keys are forgotten, and run_date stays today's.
class FollowJob {
 public:
  FollowJob(ServerShared& shared, const Served& served, const project::Flow& flow);
  void work();

 private:
  Result<std::optional<runtime::RunOutcome>> follow();  // empty: another server has the database for itself
  std::chrono::seconds to_the_full_hour() const;

  ServerShared& shared_;
  const Served& served_;
  std::string flow_;
  std::size_t job_;
};

// A schedule and what runs by it: a flow, or what the project's own one is for. The project outlives it.
struct Scheduled {
  std::string flow;  // or an export; empty: the project
  const schedule::Schedule& schedule;
  const std::vector<project::Watched>& watched;
  const std::string& database;  // the connection whose ledger keeps its turns
};
Scheduled job_of(const project::Flow& flow);
Scheduled job_of(const project::Project& project, const project::Export& out);
Scheduled job_of_project(const project::Project& project);
// Whether a schedule keeps its turns in the ledger of this connection.
bool keeps_turns(const project::Project& project, const std::string& connection);

// Runs that when it is due.
class ScheduleJob {
 public:
  ScheduleJob(ServerShared& shared, const Served& served, Scheduled scheduled);
  void work();

 private:
  bool run(schedule::SystemTime due, const std::stop_token& stop);
  Result<bool> moved(schedule::SystemTime due);
  Result<Answer> run_due(schedule::SystemTime due, const std::stop_token& stop);

  Turn turn() const { return {served_.project.name, scheduled_.flow, shared_.holder, shared_.lease}; }
  std::string name() const { return served_.project.name + (scheduled_.flow.empty() ? "" : " " + scheduled_.flow); }
  // By the project's own schedule, or by that of a flow.
  bool is_chosen(const Assembly& assembly, const Work& work, std::size_t step) const;

  ServerShared& shared_;
  const Served& served_;
  Scheduled scheduled_;
  std::size_t job_;
  runtime::Watch watch_;
  bool did_something_ = false;  // the run at work: else nobody has to be told
  bool turn_lost_ = false;      // the run at work found it
};

// The jobs a flow or a project has. A flow without a schedule whose source ends (objects, a database) is a step of the
// project's own schedule.
bool is_followed(const project::Flow& flow, const Served& served);
bool is_of_project_schedule(const project::Flow& flow, const Served& served);

// Asks the queues now and then how much waits in them.
class DepthJob {
 public:
  DepthJob(ServerShared& shared, const std::vector<Served>& served) : shared_(shared), served_(served) {}
  void work();

 private:
  void look(const Served& served, const project::Flow& flow);

  ServerShared& shared_;
  const std::vector<Served>& served_;
};

}  // namespace sluice::assembly
