#include "sluice/assembly/run_steps.hpp"

#include <fmt/format.h>

#include <chrono>
#include <iostream>

#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/export_run.hpp"
#include "sluice/assembly/personal.hpp"
#include "sluice/assembly/table.hpp"
#include "sluice/core/log.hpp"

namespace sluice::assembly {
namespace {

// One line that is drawn over on a terminal; a log line every ten seconds elsewhere.
class Progress {
 public:
  Progress(const Session& session, std::string flow) : terminal_(session.terminal()), flow_(std::move(flow)) {}
  ~Progress() {
    if (drawn_) std::cerr << "\r\x1b[K" << std::flush;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const runtime::RunReport& report) {
    if (terminal_) {
      draw(fmt::format("{} received, {}/s, {} rejected, {} already there", thousands(report.received),
                       rate(report.received), thousands(report.written.rejected), thousands(report.written.known)));
    } else if (due()) {
      log::info("progress", {{"flow", flow_},
                             {"received", std::to_string(report.received)},
                             {"written", std::to_string(report.written.written)},
                             {"rejected", std::to_string(report.written.rejected)}});
    }
  }

  void show(const runtime::ExportReport& report) {
    if (terminal_) {
      draw(fmt::format("{} rows, {}/s", thousands(report.rows), rate(report.rows)));
    } else if (due()) {
      log::info("progress", {{"flow", flow_}, {"rows", std::to_string(report.rows)}});
    }
  }

 private:
  using Time = std::chrono::steady_clock::time_point;

  void draw(const std::string& text) {
    const Time now = std::chrono::steady_clock::now();
    if (drawn_ && now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    std::cerr << "\r\x1b[K" << flow_ << ": " << text << std::flush;
    drawn_ = true;
  }
  bool due() {
    const Time now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::seconds(10)) return false;
    last_ = now;
    return true;
  }
  std::string rate(std::uint64_t count) const {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    return thousands(static_cast<std::uint64_t>(static_cast<double>(count) / std::max(seconds, 0.001)));
  }

  bool terminal_;
  bool drawn_ = false;
  std::string flow_;
  Time started_ = std::chrono::steady_clock::now();
  Time last_ = started_;
};

// Runs the chosen steps of the graph; what waits for one that failed is left out.
class ProjectRun {
 public:
  ProjectRun(const Assembly& assembly, const Work& work, const Session& session, FlowRunOptions options)
      : assembly_(assembly),
        work_(work),
        session_(session),
        options_(std::move(options)),
        broken_(work.graph.steps().size()),
        exports_(assembly, work, export_options()) {}

  Result<Answer> run(const std::vector<bool>& chosen) {
    answer_.result["flows"] = Json::array();
    if (!work_.models.empty()) answer_.result["models"] = Json::array();
    if (work_.exports > 0) answer_.result["exports"] = Json::array();
    for (const std::size_t step : work_.graph.order()) {
      if (chosen[step]) left_.push_back(step);
    }
    while (!left_.empty() && !options_.stop.stop_requested() && !turn_lost_) run_next();
    if (options_.warns) warn_of_models();
    if (Result<void> listed = turn_lost_ ? Result<void>() : exports_.publish_manifests();
        !listed && !options_.stop.stop_requested())
      note(std::move(listed).error(), "manifest");
    answer_.summary = fmt::format("{} messages received", received_);
    if (built_ > 0) answer_.summary += fmt::format(", {} model{} built", built_, built_ == 1 ? "" : "s");
    if (exported_ > 0) answer_.summary += fmt::format(", {} rows exported", exported_);
    return std::move(answer_);
  }

 private:
  ExportRunOptions export_options() {
    ExportRunOptions options;
    options.stop = options_.stop;
    options.warns = options_.warns;
    if (options_.turn) {
      options.may_publish = [this]() -> Result<bool> {
        SLUICE_TRY(const bool held, options_.turn->held());
        if (!held) lose_turn("the manifest of its exports");
        return held;
      };
    }
    options.progress = [this](const std::string& name, const runtime::ExportReport& report) {
      if (!progress_ || progress_name_ != name) {
        progress_.reset();
        progress_.emplace(session_, name);
        progress_name_ = name;
      }
      progress_->show(report);
    };
    return options;
  }

  // When the tables that they read have been made.
  void warn_of_models() const {
    if (built_ == 0) return;
    for (const auto& [model, warnings] : warnings_of_models(assembly_, work_)) {
      if (std::ranges::find(built_names_, model) != built_names_.end()) log_warnings(model, warnings);
    }
  }

  bool is_ready(std::size_t step) const {
    return std::ranges::none_of(work_.graph.waits_for(step),
                                [this](std::size_t before) { return std::ranges::find(left_, before) != left_.end(); });
  }

  // Exports last: so more of them read the same moment.
  void run_next() {
    const auto next =
        std::ranges::find_if(left_, [this](std::size_t step) { return !work_.is_export(step) && is_ready(step); });
    if (next == left_.end()) return run_exports();
    const std::size_t step = *next;
    left_.erase(next);
    if (skipped(step)) return;
    std::optional<Error> error =
        work_.is_flow(step) ? run_one(assembly_.project.flows[step]) : build_one(work_.model(step));
    if (error) fail_step(step, std::move(*error));
  }

  void run_exports() {
    std::vector<std::size_t> steps;
    std::vector<const project::Export*> exports;
    for (const std::size_t step : left_) {
      const project::Export& out = assembly_.project.exports[step - work_.flows];
      if (!is_ready(step) || (!exports.empty() && out.connection != exports.front()->connection)) continue;
      exports.push_back(&out);
      steps.push_back(step);
    }
    std::erase_if(left_, [&](std::size_t step) { return std::ranges::find(steps, step) != steps.end(); });
    for (std::size_t i = steps.size(); i-- > 0;) {
      if (!skipped(steps[i])) continue;
      exports_.leave_out(*exports[i]);
      tell_exported(exports[i]->name, nullptr);
      exports.erase(exports.begin() + static_cast<std::ptrdiff_t>(i));
      steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (exports.empty()) return;
    std::vector<ExportOutcome> outcomes = exports_.run(exports);
    progress_.reset();
    for (std::size_t i = 0; i < steps.size(); ++i) {
      ExportOutcome& outcome = outcomes[i];
      tell_exported(outcome.out->name, outcome.error ? nullptr : &outcome.report);
      if (outcome.error && i > 0 && outcomes[0].error && outcome.error->text() == outcomes[0].error->text()) {
        fail_alike(steps[i], steps[0]);
        continue;
      }
      if (outcome.error) {
        fail_step(steps[i], Error(*outcome.error).within(outcome.out->name));
        continue;
      }
      exported_ += outcome.report.stopped ? 0 : outcome.report.rows;
      const std::string uri = uri_of(*outcome.out);
      answer_.text += export_text(outcome, uri);
      answer_.result["exports"].push_back(export_json(outcome, uri));
    }
  }

  void tell_exported(const std::string& name, const runtime::ExportReport* report) const {
    if (options_.exported) options_.exported(name, report);
  }

  // What stands before a key in messages: "s3://bucket/".
  std::string uri_of(const project::Export& out) const {
    const auto store = open_objects(assembly_.connection(out.into.connection), system_clock());
    return store ? (*store)->uri("") : "";
  }

  bool skipped(std::size_t step) {
    for (const std::size_t before : work_.graph.waits_for(step)) {
      if (broken_[step].empty()) broken_[step] = broken_[before];
    }
    if (broken_[step].empty()) return false;
    const std::string& name = work_.graph.steps()[step].name;
    answer_.text += name + ": skipped, since " + broken_[step] + " failed\n";
    answer_.result["skipped"].push_back({{"name", name}, {"since", broken_[step]}});
    return true;
  }

  void fail_step(std::size_t step, Error error) {
    broken_[step] = work_.graph.steps()[step].name;
    note(std::move(error), broken_[step]);
  }

  // What stops a whole group, a wrong password say, is told once.
  void fail_alike(std::size_t step, std::size_t first) {
    const auto& steps = work_.graph.steps();
    broken_[step] = steps[step].name;
    answer_.text += steps[step].name + ": failed for the same reason as " + steps[first].name + "\n";
  }

  void note(Error error, const std::string& name) {
    if (!answer_.error) {
      answer_.error = std::move(error);
    } else {
      log::error("failed, too", {{"name", name}, {"error", error.text()}});
    }
  }

  void lose_turn(const std::string& what) {
    turn_lost_ = true;
    log::warning("turn lost to another server: not published", {{"what", what}});
    answer_.text += what + ": not published, since another server has the turn\n";
    options_.turn->lost();
  }

  std::optional<Error> run_one(const project::Flow& flow) {
    Progress progress(session_, flow.name);
    options_.progress = [&progress](const runtime::RunReport& report) { progress.show(report); };
    Result<runtime::RunOutcome> outcome = run_flow(assembly_, flow, options_);
    if (!outcome) return std::move(outcome).error().within(flow.name);
    received_ += outcome->report.received;
    answer_.text += report_text(flow.name, outcome->report);
    answer_.result["flows"].push_back(report_json(flow.name, outcome->report));
    if (outcome->stopped) answer_.text += "  stopped before the queue was drained\n";
    if (outcome->error) return std::move(*outcome->error).within(flow.name);
    return std::nullopt;
  }

  std::optional<Error> build_one(const Model& model) {
    if (!database_) {
      auto opened = open_database(assembly_.connection(assembly_.project.models->connection), system_clock());
      if (!opened) return std::move(opened).error().within(model.name);
      database_ = *std::move(opened);
    }
    double seconds = 0;
    const auto build = [&] {
      const Stopwatch watch(seconds);
      return database_->build_model(model, options_.turn ? &options_.turn->turn : nullptr);
    };
    Result<ModelBuilt> built = build();
    if (!built) return std::move(built).error().within(model.name);
    if (built->turn_lost) {
      lose_turn(model.name);
      return std::nullopt;
    }
    answer_.text += model_text(model, *built, seconds);
    answer_.result["models"].push_back(model_json(model, *built, seconds));
    if (auto error = failed_tests(model, *built)) return error;
    ++built_;
    built_names_.push_back(model.name);
    return std::nullopt;
  }

  const Assembly& assembly_;
  const Work& work_;
  const Session& session_;
  FlowRunOptions options_;
  std::vector<std::size_t> left_;    // steps to do, in the graph's order
  std::vector<std::string> broken_;  // by step: whose fault it is that it has no result
  ExportRuns exports_;
  std::optional<Progress> progress_;  // of the export at work
  std::string progress_name_;
  std::unique_ptr<Database> database_;  // of the models
  Answer answer_;
  std::uint64_t received_ = 0;
  std::uint64_t exported_ = 0;
  std::size_t built_ = 0;
  bool turn_lost_ = false;
  std::vector<std::string> built_names_;
};

}  // namespace

Result<Answer> run_steps(const Assembly& assembly, const Session& session, FlowRunOptions options, const Work& work,
                         const std::vector<bool>& chosen) {
  return ProjectRun(assembly, work, session, std::move(options)).run(chosen);
}

}  // namespace sluice::assembly
