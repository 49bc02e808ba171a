// `sluice schema`: the JSON Schema of a project file, for editors.
#include <CLI/CLI.hpp>

#include "sluice/cli/commands.hpp"
#include "sluice/cli/connectors.hpp"
#include "sluice/project/schema.hpp"

namespace sluice::cli {

void add_schema(CLI::App& app, Session& session) {
  CLI::App* command = add_command(app, "schema", "the JSON Schema of a project file, for editors",
                                  "sluice schema > sluice.schema.json");
  command->callback([&session] {
    session.action = []() -> Result<Answer> {
      Answer answer;
      answer.text = project::json_schema(connector_kinds());
      answer.result = Json::parse(answer.text);
      answer.summary = "the JSON Schema of a project file";
      return answer;
    };
  });
}

}  // namespace sluice::cli
