// `sluice demo loans`: a DuckDB file as the bank's database, a folder as the bucket, and the loans project twice.
#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "sluice/assembly/table.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/demo_commands.hpp"
#include "sluice/cli/run_command.hpp"
#include "sluice/demo/folder.hpp"
#include "sluice/demo/loans_data.hpp"

namespace sluice::cli {
namespace {

struct LoansArguments {
  std::string folder = "sluice-demo-loans";
  std::uint32_t seed = 20;
  std::uint32_t users = demo::LoanBook{}.users;
};

constexpr const char* as_of = "as_of=2020-08-23";
constexpr std::array features{"paid_loans_count", "days_since_last_late_payment", "profit_in_last_90_days_rate"};

constexpr const char* loans_connections = R"(  bank:
    duckdb: bank.duckdb
    personal: { user: [first_name, last_name, birth_date, personal_code] }
  lake: { files: bucket }               # a local folder that behaves as a bucket
)";
constexpr const char* book_connections = R"(  files: { files: book }
  bank:  { duckdb: bank.duckdb, personal_data: allowed }
)";

// The features beside each other, of the first clients that have all of them.
std::string first_clients(const std::string& folder) {
  std::vector<std::vector<std::string>> columns;
  for (const char* feature : features) {
    std::istringstream lines(demo::text_of_file(folder + "/bucket/loans/" + feature + ".csv"));
    std::vector<std::string>& column = columns.emplace_back();
    for (std::string line; std::getline(lines, line);) column.push_back(line.substr(line.find(',') + 1));
  }
  Table table({"client_id", features[0], features[1], features[2]});
  table.align_right({0, 1, 2, 3});
  std::size_t shown = 0;
  for (std::size_t id = 1; id < columns[0].size() && shown < 6; ++id) {
    const bool whole = !columns[1][id].empty() && !columns[2][id].empty();
    if (!whole && id > 2) continue;
    table.add({std::to_string(id), columns[0][id], columns[1][id], columns[2][id]});
    ++shown;
  }
  return table.text();
}

std::string exported(const std::string& folder) {
  std::string all = demo::text_of_file(folder + "/bucket/loans/manifest.json");
  for (const char* feature : features) all += demo::text_of_file(folder + "/bucket/loans/" + feature + ".csv");
  return all;
}

Result<Answer> demo_loans(const LoansArguments& arguments, const Session& session) {
  const std::string& folder = arguments.folder;
  SLUICE_CHECK(demo::make_folder(folder));
  SLUICE_CHECK(demo::write_example(folder, "loans"));
  SLUICE_CHECK(demo::connect_example(folder, "loans", "loans.yaml", loans_connections));
  SLUICE_CHECK(demo::connect_example(folder, "loans", "book.yaml", book_connections));
  std::error_code error;
  std::filesystem::create_directories(folder + "/book", error);
  const demo::LoanBook book = demo::loan_book_of(arguments.users);
  SLUICE_CHECK(demo::write_loan_book(folder + "/book", book, arguments.seed));

  Answer answer;
  answer.result["folder"] = folder;
  answer.result["runs"] = Json::array();
  answer.text = fmt::format(
      "Wrote a project into {}. In go three tables of bank.duckdb: user ({} rows), loan ({}), payment ({}).\n", folder,
      thousands(book.users), thousands(book.loans), thousands(book.payments));
  SLUICE_TRY(Answer filled, run_once(folder + "/book.yaml", {}, session));
  if (filled.error) return filled;

  std::string before;
  for (const char* title : {"\nFirst run: sluice run loans.yaml --var as_of=2020-08-23\n", "\nSecond run\n"}) {
    before = exported(folder);
    SLUICE_TRY(Answer ran, run_once(folder + "/loans.yaml", {as_of}, session));
    answer.text += title + demo::steps_text(ran.result);
    answer.result["runs"].push_back(ran.result);
    if (ran.error) {
      answer.error = std::move(ran.error);
      return answer;
    }
    if (answer.result["runs"].size() == 1) {
      answer.text +=
          "\nOut come bucket/loans/FEATURE.csv, a row a client, and bucket/loans/manifest.json. Side by side:\n" +
          first_clients(folder) +
          "No name, birth date or personal code leaves: a query that would export one is refused.\n";
    }
  }
  answer.text += exported(folder) == before ? "  No byte has changed.\n" : "  The features have changed.\n";
  answer.text += "\nNext:\n  cd " + folder +
                 "\n  sluice plan loans.yaml --var as_of=2020-08-23\n"
                 "  sluice run loans.yaml --var as_of=2020-08-24     # the next day\n"
                 "On PostgreSQL and S3 all but `connections:` is the same: examples/loans/loans.yaml\n";
  answer.summary = "the loans ran twice in " + folder;
  return answer;
}

}  // namespace

void add_demo_loans(Command demo, Session& session) {
  const Command command =
      demo.command("loans", "features of clients from a loan book to CSV files", "sluice demo loans my-loans");
  auto arguments = std::make_shared<LoansArguments>();
  command.option("DIR", arguments->folder, "where to write it").type("").shows_default();
  command.option("--users", arguments->users, "how large the book is").type("N").between(1, 10000000).shows_default();
  command.option("--seed", arguments->seed, "another one makes another book").type("N").shows_default();
  command.does(session, [arguments, &session] { return demo_loans(*arguments, session); });
}

}  // namespace sluice::cli
