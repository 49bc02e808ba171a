// `sluice preview`: the first rows as a run would write them; the messages are given back at once.
#include <CLI/CLI.hpp>

#include "sluice/cli/assemble.hpp"
#include "sluice/cli/cells.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/table.hpp"

namespace sluice::cli {
namespace {

struct PreviewArguments {
  ProjectArguments project;
  std::string flow;
  std::size_t rows = 10;
};

// One delivery, or none where the queue stays empty.
Result<std::optional<Delivery>> receive_some(Source& source, std::size_t rows) {
  Wanted wanted;
  wanted.rows_max = rows;
  for (int attempt = 0; attempt < 5; ++attempt) {
    SLUICE_TRY(Next next, source.next(wanted));
    if (next.delivery) return std::move(next.delivery);
    if (next.ended) break;
  }
  return std::nullopt;
}

Result<Answer> preview(const PreviewArguments& arguments) {
  SLUICE_TRY(const auto assembly, assemble(arguments.project, Keys::required));
  SLUICE_TRY(const project::Flow* flow, find_flow(assembly->project, arguments.flow));
  SLUICE_TRY(const OpenFlow open, open_flow(*assembly, *flow));
  SLUICE_CHECK(open.queue->facts(std::chrono::seconds(0)));
  SLUICE_TRY(const auto source, open.queue->open_source());
  SLUICE_TRY(const auto transform, engine::open_transform(*assembly->engine, rows_options(*flow)));

  Answer answer;
  SLUICE_TRY(const std::optional<Delivery> delivery, receive_some(*source, arguments.rows));
  std::vector<std::string> names;
  for (const Field& column : open.target.columns) names.push_back(column.name);
  Table table(names);
  Json rows = Json::array();
  std::size_t rejected = 0;
  std::size_t received = 0;
  if (delivery) {
    received = delivery->messages.size();
    // Given back whatever happens: a preview must not hold messages until their lease ends.
    const Result<Transformed> transformed = transform->apply(*delivery);
    SLUICE_CHECK(source->release(delivery->receipt));
    SLUICE_CHECK(source->flush());
    if (!transformed) return fail(transformed.error());
    rejected = transformed->rejects.size();
    for (const Batch& batch : transformed->batches) {
      for (std::size_t row = 0; row < batch.rows && rows.size() < arguments.rows; ++row) {
        std::vector<std::string> cells;
        Json object = Json::object();
        for (std::size_t i = 0; i < names.size(); ++i) {
          const auto cell = cell_text(batch, i, row);
          cells.push_back(printable(cell.value_or("NULL")));
          object[names[i]] = cell ? Json(*cell) : Json(nullptr);
        }
        table.add(std::move(cells));
        rows.push_back(std::move(object));
      }
    }
    for (const Reject& reject : transformed->rejects) {
      answer.text += "  reject: " + reject.reason + (reject.column.empty() ? "" : " in " + reject.column) + ": " +
                     reject.text + '\n';
    }
  }
  answer.summary = std::to_string(received) + " messages looked at, " + std::to_string(rejected) + " would be rejects";
  answer.text = table.text() + answer.text + answer.summary + "\n";
  if (received > 0) answer.text += "They are visible in the queue again; their receive count has risen by one.\n";
  answer.result = {{"rows", rows}, {"received", received}, {"rejected", rejected}};
  return answer;
}

}  // namespace

void add_preview(CLI::App& app, Session& session) {
  CLI::App* command = add_command(app, "preview", "the first rows as a run would write them; writes nothing",
                                  "sluice preview logins.yaml user_logins");
  auto arguments = std::make_shared<PreviewArguments>();
  arguments->project.add_to(*command);
  command->add_option("FLOW", arguments->flow, "which flow, where the project has several")->type_name("");
  command->add_option("--rows", arguments->rows, "how many rows")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->callback([arguments, &session] { session.action = [arguments] { return preview(*arguments); }; });
}

}  // namespace sluice::cli
