#include "sluice/engine/planning.hpp"

#include <algorithm>
#include <cstdlib>

#include "sluice/engine/duck_database.hpp"
#include "sluice/engine/object_files.hpp"

namespace sluice::engine {

duckdb::unique_ptr<duckdb::SQLStatement> parse_select(duckdb::ClientContext& context, const std::string& sql) {
  duckdb::Parser parser(context.GetParserOptions());
  parser.ParseQuery(sql);
  if (parser.statements.size() != 1 || parser.statements[0]->type != duckdb::StatementType::SELECT_STATEMENT) {
    return nullptr;
  }
  return std::move(parser.statements[0]);
}

tl::unexpected<Error> not_one_select(const Place& place) {
  return fail(
      Fault::config, place.text() + ": select: it must be one SELECT statement",
      "leave out what stands behind it; a PIVOT is one if it names its values: ... on column in ('a', 'b') ...");
}

bool names_an_object(std::string_view text) {
  return text.find("objects://") != std::string_view::npos || text.find("s3://") != std::string_view::npos;
}

Error unreadable_object(const duckdb::ErrorData& error) {
  if (error.Type() == duckdb::ExceptionType::OUT_OF_MEMORY) {
    return {
        Fault::conflict, "the objects that it reads need more memory than a select may take",
        "a CSV takes 32 MiB while it is read: say `buffer_size = 1000000, max_line_size = 100000` in read_csv(...), or "
        "read fewer or smaller objects"};
  }
  return {Fault::conflict, "an object that it reads cannot be read the way it says",
          "read it by itself with another reader or other options"};
}

namespace {

// What DuckDB cannot know of our functions. Empty: its own words are enough.
std::string advice_on(const std::string& message) {
  if (message.starts_with("No function matches the given name and argument types 'mask_"))
    return "docs/masks.md says what each mask takes; a number is masked as its text: mask_siv(id::varchar, 'customer')";
  if (message.starts_with("Scalar Function with name unmask"))
    return "SQL undoes no mask: `sluice unmask` does, for who has the keyring, and writes it into the audit log";
  if (message.find("PIVOT statement") != std::string::npos) return "name its values: pivot ... on column in ('a', 'b')";
  return {};
}

}  // namespace

tl::unexpected<Error> planning_error(const duckdb::ErrorData& error, const std::string& sql, const Place& place) {
  Place at = place;
  if (const auto found = error.ExtraInfo().find("position"); found != error.ExtraInfo().end()) {
    const std::size_t position = std::min<std::size_t>(std::strtoul(found->second.c_str(), nullptr, 10), sql.size());
    at.line += static_cast<int>(std::count(sql.begin(), sql.begin() + static_cast<std::ptrdiff_t>(position), '\n'));
  }
  std::string message = error.RawMessage();
  // Without the quoted line and its pointer: the place says where.
  if (const std::size_t quoted = message.find("\n\nLINE "); quoted != std::string::npos) message.resize(quoted);
  if (const std::size_t quoted = message.find("\nLINE "); quoted != std::string::npos) message.resize(quoted);
  std::ranges::replace(message, '\n', ' ');
  // What reads an object looks into it before anything runs, and says what it has seen there.
  if (names_an_object(sql)) {
    using duckdb::ExceptionType;
    const ExceptionType type = error.Type();
    const bool about_sql = type == ExceptionType::BINDER || type == ExceptionType::PARSER ||
                           type == ExceptionType::SYNTAX || type == ExceptionType::CATALOG ||
                           type == ExceptionType::PERMISSION;
    if (!about_sql && !ObjectFiles::error_of(error))
      return fail(unreadable_object(error).within(at.text() + ": select"));
    // A file without a header may have had its first row taken for one.
    if (const std::size_t names = message.find(" Candidate"); names != std::string::npos) message.resize(names);
  }
  if (auto ours = ObjectFiles::error_of(error)) return fail((*std::move(ours)).within(at.text() + ": select"));
  std::string advice = advice_on(message);
  if (const std::size_t other = message.find("! Did you mean"); !advice.empty() && other != std::string::npos)
    message.resize(other);
  return fail(Fault::config, at.text() + ": select: " + message, std::move(advice));
}

}  // namespace sluice::engine
