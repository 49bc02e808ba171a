// `sluice presign`: URLs of what a flow has exported, for whoever has no credentials.

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/export_run.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/core/words.hpp"

namespace sluice::cli {
namespace {

struct PresignArguments {
  ProjectArguments project;
  std::string flow;
  std::string expires = "1h";
};

Result<const project::Export*> find_export(const project::Project& project, const std::string& name) {
  std::vector<std::string> names;
  for (const project::Export& out : project.exports) {
    if (out.name == name) return &out;
    names.push_back(out.name);
  }
  if (names.empty()) return fail(Fault::config, project.file + ": no flow writes objects, so there is nothing to sign");
  return fail(Fault::config, project.file + " has no flow '" + name + "' that writes objects",
              did_you_mean(name, names));
}

Result<Answer> presign(const PresignArguments& arguments) {
  SLUICE_TRY(const auto assembly, assemble(arguments.project, Keys::if_there));
  SLUICE_TRY(const project::Export* out, find_export(assembly->project, arguments.flow));
  const auto expires_in = parse_duration(arguments.expires);
  if (!expires_in) return fail(Error(expires_in.error()).within("--expires"));
  const std::chrono::seconds expires = *expires_in;
  SLUICE_TRY(const auto store, open_objects(assembly->connection(out->into.connection), system_clock()));
  SLUICE_TRY(const std::vector<std::string> keys, exported_keys(*store, *out));
  Answer answer;
  answer.result["urls"] = Json::array();
  for (const std::string& key : keys) {
    SLUICE_TRY(const auto there, store->head(key));
    if (!there) return fail(Fault::conflict, "there is no " + store->uri(key), "run the project first");
    SLUICE_TRY(const std::string url, store->presign(key, expires));
    answer.text += url + "\n";
    answer.result["urls"].push_back({{"key", key}, {"url", url}, {"expires_seconds", expires.count()}});
  }
  answer.summary = std::to_string(keys.size()) + " URLs";
  return answer;
}

}  // namespace

void add_presign(Command app, Session& session) {
  const Command command = app.command("presign", "URLs that fetch what a flow has exported, without credentials",
                                      "sluice presign loans.yaml paid_loans_count --expires 7d");
  auto arguments = std::make_shared<PresignArguments>();
  add_project(command, arguments->project);
  command.option("FLOW", arguments->flow, "a flow into an object store").type("").required();
  command.option("--expires", arguments->expires, "how long they work, 7 days at most")
      .type("DURATION")
      .shows_default();
  command.does(session, [arguments] { return presign(*arguments); });
}

}  // namespace sluice::cli
