// `sluice schema`: the JSON Schema of a project file, for editors.

#include "sluice/assembly/connectors.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/project/schema.hpp"

namespace sluice::cli {

void add_schema(Command app, Session& session) {
  const Command command =
      app.command("schema", "the JSON Schema of a project file, for editors", "sluice schema > sluice.schema.json");
  command.does(session, []() -> Result<Answer> {
    Answer answer;
    answer.text = project::json_schema(connector_kinds());
    answer.result = Json::parse(answer.text);
    answer.summary = "the JSON Schema of a project file";
    return answer;
  });
}

}  // namespace sluice::cli
