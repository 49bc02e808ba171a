// What a server knows of its jobs, for those who look: each job writes its own lines, from its own thread.
//
// Names, states, counts and times. Nothing of a message or a row.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/source.hpp"
#include "sluice/runtime/export.hpp"
#include "sluice/runtime/report.hpp"

namespace sluice::web {

enum class JobState {
  starting,  // not at work yet
  waiting,   // for its next time
  running,   // following a queue, or in a run
  standby,   // another server has the work
  retrying,  // it failed, and is tried again
  halted,    // it failed, and waits for a person
};
std::string_view to_string(JobState state);

// A followed flow, a scheduled one, or the schedule of a project.
struct JobFigures {
  std::string project;
  std::string name;        // the flow's, or the project's
  bool scheduled = false;  // it has times; else it follows a queue
  JobState state = JobState::starting;
  bool was_up = false;       // it has been at work, or waits in good order
  bool last_failed = false;  // the last run that ended, of a scheduled job that does not stand by
  std::uint64_t runs_done = 0;
  std::uint64_t runs_failed = 0;
  std::uint64_t runs_stopped = 0;
  double last_seconds = 0;        // of the last run that ended
  std::int64_t last_success = 0;  // seconds since 1970; 0: none yet
  std::optional<std::int64_t> next_due{};
};

struct FlowFigures {
  std::string project;
  std::string flow;
  runtime::RunReport ended{};    // all runs that have ended
  runtime::RunReport current{};  // the one that is at work
  std::optional<QueueDepth> depth{};
};

// A flow from a database into objects: what its runs have published.
struct ExportFigures {
  std::string project;
  std::string flow;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;      // of the objects, as they are stored
  std::uint64_t objects = 0;    // those that were the same already among them
  std::uint64_t unchanged = 0;  // those
  std::uint64_t failures = 0;
};

class Board {
 public:
  // Numbers to write by; only before the first thread writes.
  std::size_t add_job(std::string project, std::string name, bool scheduled);
  std::size_t add_flow(std::string project, std::string flow);
  std::size_t add_export(std::string project, std::string flow);

  void state(std::size_t job, JobState state, std::optional<std::int64_t> next_due = {});
  void run_ended(std::size_t job, bool failed, bool stopped, double seconds, std::int64_t now);
  void progress(std::size_t flow, const runtime::RunReport& report);
  void flow_ended(std::size_t flow, const runtime::RunReport& report);
  // Null: it, or what it waits for, failed.
  void export_ended(std::size_t out, const runtime::ExportReport* report);
  void depth(std::size_t flow, std::optional<QueueDepth> depth);
  void drain();

  std::vector<JobFigures> jobs() const;
  std::vector<FlowFigures> flows() const;
  std::vector<ExportFigures> exports() const;
  // Why the server is not ready, a line each; empty: it is.
  std::vector<std::string> unready() const;

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::vector<JobFigures> jobs_;
  std::vector<FlowFigures> flows_;
  std::vector<ExportFigures> exports_;
  bool draining_ = false;
};

}  // namespace sluice::web
