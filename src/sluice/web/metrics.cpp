#include "sluice/web/metrics.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace sluice::web {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

class Text {
 public:
  // Before the lines of each metric.
  void metric(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <class Number>
  void line(const Labels& labels, Number value) {
    out_ += name_;
    char before = '{';
    for (const auto& [name, text] : labels) {
      out_ += before;
      out_ += fmt::format("{}=\"{}\"", name, escaped(text));
      before = ',';
    }
    out_ += fmt::format("{}{}\n", labels.empty() ? "" : "} ", value);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string name_;
  std::string out_;
};

Labels of(const FlowFigures& flow) { return {{"project", flow.project}, {"flow", flow.flow}}; }
Labels of(const ExportFigures& out) { return {{"project", out.project}, {"flow", out.flow}}; }
Labels of(const JobFigures& job) { return {{"project", job.project}, {"job", job.name}}; }
Labels with(Labels labels, std::string_view name, std::string_view value) {
  labels.emplace_back(name, std::string(value));
  return labels;
}

void write_counts(Text& text, const std::vector<FlowFigures>& flows) {
  struct Count {
    std::string_view name;
    std::string_view help;
    std::uint64_t (*of)(const runtime::RunReport&);
  };
  using Report = runtime::RunReport;
  constexpr std::array counts{
      Count{"sluice_flow_received_total", "Messages or rows of objects in deliveries that are committed.",
            [](const Report& report) { return report.received; }},
      Count{"sluice_flow_written_total", "Messages with at least one row in the target.",
            [](const Report& report) { return report.written.written; }},
      Count{"sluice_flow_rows_total", "Rows written to the target.",
            [](const Report& report) { return report.written.rows; }},
      Count{"sluice_flow_rejected_total", "Messages kept as rejects.",
            [](const Report& report) { return report.written.rejected; }},
      Count{"sluice_flow_known_total", "Messages that the target held already.",
            [](const Report& report) { return report.written.known; }},
      Count{"sluice_flow_filtered_total", "Messages that the select left out.",
            [](const Report& report) { return report.written.filtered; }},
      Count{"sluice_flow_objects_total", "Objects loaded.",
            [](const Report& report) { return report.objects - report.objects_known; }},
  };
  for (const Count& count : counts) {
    text.metric(count.name, "counter", count.help);
    for (const FlowFigures& flow : flows) text.line(of(flow), count.of(flow.ended));
  }
}

void write_details(Text& text, const std::vector<FlowFigures>& flows) {
  text.metric("sluice_flow_rejects_by_reason_total", "counter", "Rejects by their reason code.");
  for (const FlowFigures& flow : flows) {
    for (const auto& [reason, count] : flow.ended.rejects_by_reason) text.line(with(of(flow), "reason", reason), count);
  }
  text.metric("sluice_flow_stage_seconds_total", "counter",
              "Where the time of ended runs went: seconds of all workers together, by stage.");
  for (const FlowFigures& flow : flows) {
    const runtime::RunReport& report = flow.ended;
    for (const auto& [stage, seconds] :
         {std::pair("receive", report.receive), std::pair("decode", report.decode), std::pair("select", report.select),
          std::pair("encode", report.encode), std::pair("database", report.database),
          std::pair("settle", report.settle), std::pair("waiting", report.waiting)}) {
      text.line(with(of(flow), "stage", stage), seconds);
    }
  }
  text.metric("sluice_flow_calls_total", "counter", "Calls at the flow's source in ended runs, by kind.");
  for (const FlowFigures& flow : flows) {
    for (const auto& [kind, count] : flow.ended.calls) text.line(with(of(flow), "call", kind), count);
  }
  text.metric("sluice_queue_messages", "gauge", "Messages in the flow's queue, as the queue last said.");
  for (const FlowFigures& flow : flows) {
    if (!flow.depth) continue;
    text.line(with(of(flow), "state", "visible"), flow.depth->visible);
    text.line(with(of(flow), "state", "in_flight"), flow.depth->in_flight);
    text.line(with(of(flow), "state", "delayed"), flow.depth->delayed);
  }
}

void write_exports(Text& text, const std::vector<ExportFigures>& exports) {
  struct Count {
    std::string_view name;
    std::string_view help;
    std::uint64_t ExportFigures::*of;
  };
  constexpr std::array counts{
      Count{"sluice_export_rows_total", "Rows in the objects that runs published.", &ExportFigures::rows},
      Count{"sluice_export_bytes_total", "Bytes of these objects, as they are stored.", &ExportFigures::bytes},
      Count{"sluice_export_objects_total", "These objects, one or more a run.", &ExportFigures::objects},
      Count{"sluice_export_unchanged_objects_total", "Those of them that were the same already, and were not sent.",
            &ExportFigures::unchanged},
      Count{"sluice_export_failures_total", "Runs that published nothing, since the flow or what it waits for failed.",
            &ExportFigures::failures},
  };
  for (const Count& count : counts) {
    text.metric(count.name, "counter", count.help);
    for (const ExportFigures& out : exports) text.line(of(out), out.*count.of);
  }
}

void write_jobs(Text& text, const std::vector<JobFigures>& jobs) {
  text.metric("sluice_job_state", "gauge", "1 for the state that the job is in.");
  for (const JobFigures& job : jobs) {
    for (const JobState state : {JobState::starting, JobState::waiting, JobState::running, JobState::standby,
                                 JobState::retrying, JobState::halted}) {
      text.line(with(of(job), "state", to_string(state)), state == job.state ? 1 : 0);
    }
  }
  text.metric("sluice_runs_total", "counter", "Runs that have ended, by how.");
  for (const JobFigures& job : jobs) {
    text.line(with(of(job), "status", "done"), job.runs_done);
    text.line(with(of(job), "status", "failed"), job.runs_failed);
    text.line(with(of(job), "status", "stopped"), job.runs_stopped);
  }
  text.metric("sluice_last_run_duration_seconds", "gauge", "How long the last run that has ended took.");
  for (const JobFigures& job : jobs) {
    if (job.runs_done + job.runs_failed + job.runs_stopped > 0) text.line(of(job), job.last_seconds);
  }
  text.metric("sluice_last_success_timestamp_seconds", "gauge", "When a run last ended well.");
  for (const JobFigures& job : jobs) {
    if (job.last_success != 0) text.line(of(job), job.last_success);
  }
  text.metric("sluice_schedule_next_timestamp_seconds", "gauge", "When the schedule is due next.");
  for (const JobFigures& job : jobs) {
    if (job.next_due) text.line(of(job), *job.next_due);
  }
}

}  // namespace

std::string metrics_text(const Board& board, const std::string& version) {
  Text text;
  text.metric("sluice_build_info", "gauge", "Always 1; the version of sluice.");
  text.line({{"version", version}}, 1);
  const std::vector<FlowFigures> flows = board.flows();
  write_counts(text, flows);
  write_details(text, flows);
  write_exports(text, board.exports());
  write_jobs(text, board.jobs());
  return text.take();
}

}  // namespace sluice::web
