// The lists of bodies and objects that are wrong, which other tests have, too, with marks in the personal fields; and
// objects of people that are cut off, changed, of other types.
#include <sstream>

#include "canary_flow.hpp"

namespace sluice::faults {
namespace {

class canary_lists : public CanaryFlow {};

TEST_F(canary_lists, of_wrong_bodies_leave_no_mark) {
  std::vector<std::string> bodies = wrong_bodies(marked_person());
  bodies.push_back(big_body(marked_person()));
  // Those of the scenario, which has its own personal values.
  std::istringstream scenario(read_file(std::string(SLUICE_SOURCE_DIR) + "/tests/scenarios/wrong-bodies.txt"));
  std::size_t told = 0;
  bool given = false;
  for (std::string line; std::getline(scenario, line);) {
    if (!line.starts_with("  ")) given = line.starts_with("given queue");
    if (!given || !line.starts_with("  ")) continue;
    line.erase(0, 2);
    const Person person = marked_person();
    for (const auto& [old, instead] :
         std::initializer_list<std::pair<std::string, std::string>>{{"canary-", person.word},
                                                                    {"good ", person.user},
                                                                    {"1.2.3.4", person.ip},
                                                                    {"256.1.1.1", "256." + person.ip},
                                                                    {"593-47-5928", person.device},
                                                                    {"\\xff\\xfe", person.word + "\xff\xfe"}}) {
      for (std::size_t at = 0; (at = line.find(old, at)) != std::string::npos; at += instead.size())
        line.replace(at, old.size(), instead);
    }
    told += mark_in(line) ? 1 : 0;
    bodies.push_back(line);
  }
  EXPECT_GE(told, 13U) << "the scenario is not read as it is written";
  for (const std::string& body : bodies) {
    queue_->put("events", body);
    queue_->put("people", body);
  }
  for (const std::string& message : people()) queue_->put("people", message);
  for (const char* flow : {"events", "from_queue"}) {
    drive({"scan", "canary.yaml", flow});
    drive({"preview", "canary.yaml", flow, "--rows", "1000"});
  }
  const auto ended = run({"events", "from_queue"});
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_EQ(
      sql("select count(*) >= 35 from sluice.reject r join sluice.flow f on f.id = r.flow where f.name = 'events'"),
      "t")
      << sql("select count(*) from sluice.reject");
  search_all();
}

TEST_F(canary_lists, of_wrong_objects_leave_no_mark) {
  std::string much;
  while (much.size() < (3U << 20U)) much += mark;
  for (const Content& content : wrong_contents(marked_customers())) {
    SCOPED_TRACE(content.name);
    const std::string bytes = bytes_of(content, much);
    const std::string flow = content.key.ends_with(".gz") ? "orders_gz"
                             : content.format == "csv"    ? "orders"
                                                          : "orders_parquet";
    store_->put(content.key, bytes);
    write("files/" + content.key, bytes);
    for (const std::string& one : {flow, "s3_" + flow}) {
      const auto ended = run({one});
      EXPECT_EQ(ended.code, content.error == nullptr ? 0 : 4) << ended.err;
    }
    drive({"preview", "canary.yaml", flow});
    drive({"scan", "canary.yaml", flow});
  }
  // Rows of people: JSON lines that end anywhere, CSV that never ends, Parquet of other types and with bytes changed.
  fill();
  for (const std::string& bytes :
       {people_csv() + "c42,\"" + mark + " never closed,a@example.org", std::string(mark) + ",no,header\n1,2,3\n",
        std::string("\x1f\x8b") + mark, std::string(mark), people_csv()}) {
    store_->put("in/people.csv", bytes);
    run({"from_s3"});
    drive({"preview", "canary.yaml", "from_s3"});
    drive({"scan", "canary.yaml", "from_s3"});
  }
  std::string lines;
  for (const std::string& body : wrong_bodies(marked_person())) lines += body + "\n";
  for (const std::string& message : people()) lines += message + "\n";
  lines += one_person("last").substr(0, 30);
  write("files/in/people.json", lines);
  run({"from_files"});
  drive({"scan", "canary.yaml", "from_files"});
  const std::string good = read_file(at("files/in/people.parquet"));
  std::vector<std::string> files{good.substr(0, good.size() / 2), good.substr(good.size() / 2), good + mark};
  for (std::size_t at = 0; at < good.size(); at += good.size() / 12) {
    files.push_back(good);
    files.back()[at] = static_cast<char>(files.back()[at] ^ 0x41);
  }
  for (const std::string& bytes : files) {
    write("files/in/people.parquet", bytes);
    run({"from_parquet"});
    drive({"scan", "canary.yaml", "from_parquet"});
  }
  for (const std::string& columns :
       {std::string("* replace (name as born)"), std::string("* replace (name as card)"),
        std::string("* replace (name as age)"), std::string("* replace (card::decimal(38,2) * 1000000000000 as card)"),
        std::string("* replace (null as name)"), std::string("* replace (repeat(name, 100) as name)"),
        std::string("* exclude (name), name as nome"), std::string("* replace ([name] as name)"),
        std::string("* replace (name::blob as name)")}) {
    in_duckdb(nullptr,
              "copy (select id, name, email, ip, device, phone, born::date as born, card, note, age::int as age from "
              "read_json('" +
                  at("clear/good.json").string() + "')) to '" + at("clear/plain.parquet").string() +
                  "' (format parquet); copy (select " + columns + " from '" + at("clear/plain.parquet").string() +
                  "') to '" + at("files/in/people.parquet").string() + "' (format parquet)");
    run({"from_parquet"});
    drive({"preview", "canary.yaml", "from_parquet"});
  }
  search_all();
}

}  // namespace
}  // namespace sluice::faults
