#include "sluice/assembly/server.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <random>

#include "sluice/assembly/server_jobs.hpp"
#include "sluice/assembly/version.hpp"
#include "sluice/assembly/work.hpp"
#include "sluice/core/log.hpp"
#include "sluice/runtime/together.hpp"
#include "sluice/web/metrics.hpp"

namespace sluice::assembly {
namespace {

// Host, process and chance: two servers never share it, also in containers of one name.
std::string make_holder() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return fmt::format("{}/{}/{:08x}", host, getpid(), std::random_device()());
}

// Reads a project, and checks what can be checked before anything moves.
Result<Served> read(const ServeOptions& options, const std::string& file) {
  Served out;
  out.arguments = {file, options.vars, options.files.size() > 1};
  SLUICE_TRY(const auto assembly, assemble(out.arguments, Keys::required));
  SLUICE_TRY(const Work work, plan_work(*assembly));
  for (const std::string& warning : work.warnings) log::warning(warning);
  for (const project::Flow& flow : assembly->project.flows) {
    if (auto plan = plan_flow(*assembly, flow); !plan) return fail(std::move(plan).error().within(flow.name));
  }
  out.project = std::move(assembly->project);
  return out;
}

class Server {
 public:
  Server(const ServeOptions& options, const Session& session)
      : options_(options), shared_{system_clock(), options.stop, options.lease, make_holder(), quiet(session)} {}

  Result<Answer> serve(const Session& session) {
    for (const std::string& file : options_.files) {
      SLUICE_TRY(Served served, read(options_, file));
      for (const Served& other : served_) {
        if (other.project.name != served.project.name) continue;
        return fail(Fault::config, file + ": another file has a project '" + served.project.name + "', too",
                    "projects of one server differ by their `name:`");
      }
      served_.push_back(std::move(served));
    }
    SLUICE_CHECK(every_var_is_named());
    for (Served& served : served_) plan(served);  // their places in memory stay from now on
    if (jobs_.empty()) {
      return fail(Fault::config, "there is nothing to serve: no flow from a queue, and no schedule",
                  "add `schedule:` to a flow or to the project");
    }
    SLUICE_TRY(const auto pages,
               web::serve_pages(options_.listen, [this](const std::string& path) { return page(path); }));
    const std::string url =
        fmt::format("http://{}:{}", options_.listen.host == "::1" ? "[::1]" : options_.listen.host, pages->port());
    log::info("serving", {{"url", url}, {"jobs", std::to_string(jobs_.size())}});
    if (!session.json && !session.quiet) std::cout << "serving on " << url << std::endl;
    run();
    Answer answer;
    answer.summary = shared_.stop.stop_requested() ? "stopped" : "no job is left that could go on";
    answer.error = shared_.error;
    return answer;
  }

 private:
  // By one file at least.
  Result<void> every_var_is_named() const {
    auto strange = served_.front().project.strange_vars;
    for (const Served& served : served_)
      std::erase_if(strange, [&](const auto& var) { return !served.project.strange_vars.contains(var.first); });
    return no_strange_vars(served_.front().project.file, strange);
  }

  static Session quiet(const Session& session) {
    Session out = session;
    out.quiet = true;
    return out;
  }

  void plan(Served& served) {
    const std::string& project = served.project.name;
    for (const project::Flow& flow : served.project.flows)
      served.flows[flow.name] = shared_.board.add_flow(project, flow.name);
    bool of_project = served.project.models.has_value();
    const bool left_out = !served.project.schedule;
    for (const project::Flow& flow : served.project.flows) {
      if (flow.schedule) {
        add(std::make_shared<ScheduleJob>(shared_, served, job_of(flow)));
      } else if (is_followed(flow, served)) {
        add(std::make_shared<FollowJob>(shared_, served, flow));
      } else {
        of_project = true;
        if (left_out) tell_left_out(project, flow.name);
      }
    }
    for (const project::Export& out : served.project.exports) {
      served.exports[out.name] = shared_.board.add_export(project, out.name);
      if (out.schedule) {
        add(std::make_shared<ScheduleJob>(shared_, served, job_of(served.project, out)));
      } else {
        of_project = true;
        if (left_out) tell_left_out(project, out.name);
      }
    }
    if (served.project.schedule && of_project)
      add(std::make_shared<ScheduleJob>(shared_, served, job_of_project(served.project)));
    if (served.project.schedule && !of_project)
      log::warning("the project's schedule has nothing to run", {{"project", project}});
    if (left_out && served.project.models)
      log::warning("models run by the project's `schedule:`, which is missing: they are left out",
                   {{"project", project}});
  }

  static void tell_left_out(const std::string& project, const std::string& flow) {
    log::warning("the flow has no schedule, and neither has its project: it is left out",
                 {{"project", project}, {"flow", flow}});
  }

  template <class Job>
  void add(std::shared_ptr<Job> job) {
    jobs_.emplace_back([this, job = std::move(job)] {
      job->work();
      --shared_.left;
    });
  }

  void run() {
    const std::stop_callback draining(shared_.stop, [this] { shared_.board.drain(); });
    shared_.left = jobs_.size();
    jobs_.emplace_back([this] { DepthJob(shared_, served_).work(); });
    runtime::run_together(jobs_);
  }

  // Called by the pages' own threads.
  web::Page page(const std::string& path) const {
    if (path == "/healthz") return {.body = "ok\n"};
    if (path == "/metrics")
      return {200, "text/plain; version=0.0.4; charset=utf-8", web::metrics_text(shared_.board, version_number())};
    if (path == "/readyz") {
      const std::vector<std::string> reasons = shared_.board.unready();
      if (reasons.empty()) return {.body = "ready\n"};
      web::Page out{.status = 503, .body = "not ready\n"};
      for (const std::string& reason : reasons) out.body += reason + "\n";
      return out;
    }
    if (path == "/") return {.body = "sluice " + std::string(version_number()) + "\n/healthz\n/readyz\n/metrics\n"};
    return {.status = 404, .body = "there is /healthz, /readyz and /metrics\n"};
  }

  const ServeOptions& options_;
  ServerShared shared_;
  std::vector<Served> served_;
  std::vector<std::function<void()>> jobs_;
};

}  // namespace

Result<Answer> serve(const ServeOptions& options, const Session& session) {
  return Server(options, session).serve(session);
}

}  // namespace sluice::assembly
