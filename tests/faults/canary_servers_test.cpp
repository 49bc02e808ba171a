// Everything that the doubles of SQS and S3 can do wrong, as they list it themselves: a fault that is added later is
// driven, too.
#include <cctype>
#include <sstream>

#include "canary_flow.hpp"

namespace sluice::faults {
namespace {

// As the server itself lists them: what is added later is driven, too.
std::vector<std::string> faults_of(const std::string& endpoint) {
  const std::string answer = support::http("POST", endpoint + "/_control?fault=none_such").body;
  const std::string before = "there are:";
  std::vector<std::string> names;
  std::istringstream words(answer.substr(std::min(answer.find(before), answer.size()) + before.size()));
  for (std::string word; words >> word;) {
    while (!word.empty() && std::ispunct(static_cast<unsigned char>(word.back())) != 0) word.pop_back();
    names.push_back(word);
  }
  EXPECT_GT(names.size(), 15U) << answer;
  return names;
}

class canary_queues : public CanaryFlow {};
class canary_stores : public CanaryFlow {};

TEST_F(canary_queues, that_err_leave_no_mark) {
  const std::vector<std::string> messages = people();
  const auto faults = faults_of(queue_->endpoint());
  for (const std::string& fault : faults) {
    std::uint64_t strikes = 0;
    for (const auto& [protocol, parameters] : std::initializer_list<std::pair<const char*, const char*>>{
             {"json", "skip=1&count=2"}, {"query", "count=30"}}) {
      queue_->reset("people");
      // What an answer that was lost has taken comes back soon.
      queue_->call("CreateQueue", R"({"QueueName":"people","Attributes":{"VisibilityTimeout":"1"}})");
      for (std::size_t i = 0; i < 5; ++i) queue_->put("people", messages[i * messages.size() / 5]);
      queue_->fault(fault, parameters);
      run({"from_queue"}, {.environment = {{"PROTOCOL", protocol}}});
      strikes += queue_->stats("people").faults[fault];
    }
    EXPECT_GT(strikes, 0U) << fault << " struck nothing";
  }
  queue_->clear_faults();
  search_all();
}

TEST_F(canary_stores, that_err_leave_no_mark) {
  fill();
  fill_clear();
  const auto faults = faults_of(store_->endpoint());
  const std::string csv = people_csv();
  const std::string some = csv.substr(0, csv.find("\n" + failing_duckdb()[3].name + ",") + 1);
  std::size_t i = 0;
  for (const std::string& fault : faults) {
    for (const char* parameters : {"skip=1&count=4", "count=1"}) {
      store_->clear_faults();
      store_->put("in/people.csv", some + mark + std::to_string(++i));  // another version
      vault("update person set note = note || 'x'");
      store_->fault(fault, parameters);
      run({"from_s3", "to_s3", "to_s3_files", "to_s3_grown"});
    }
  }
  store_->clear_faults();
  EXPECT_EQ(store_->stats().faults.size(), faults.size()) << "a fault struck nothing";
  search_all();
}

}  // namespace
}  // namespace sluice::faults
