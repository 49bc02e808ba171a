// A double of AWS KMS and Secrets Manager: the calls that hold and unwrap secrets, strict, able to fail on purpose.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "fault_list.hpp"
#include "http_loop.hpp"
#include "signature.hpp"

namespace sluice::servers {

struct KeyServiceOptions {
  std::string region = "eu-central-1";
  std::vector<std::string> kms_keys{};
  SigningKey key{};
};

class KeyService {
 public:
  KeyService(KeyServiceOptions options, HttpLoop& loop);
  void handle(HttpLoop::Ticket ticket, const HttpRequest& request);

 private:
  using Json = nlohmann::json;
  struct Refusal {
    int status;
    std::string code;
  };
  struct KmsKey {
    std::string state = "Enabled";
    std::string master;  // 32 bytes
  };

  void control(HttpLoop::Ticket ticket, const HttpRequest& request);
  void answer(HttpLoop::Ticket ticket, int status, const Json& body, Ending ending = Ending::keep);
  void refuse(HttpLoop::Ticket ticket, const Refusal& refusal);
  Json do_call(std::string_view target, const Json& body);  // throws Refusal
  Json generate(const Json& body);
  Json decrypt(const Json& body);
  Json get_secret(const Json& body) const;
  KmsKey& find_key(const std::string& named, std::string& id);
  std::string arn_of(const std::string& id) const;

  KeyServiceOptions options_;
  HttpLoop& loop_;
  FaultList faults_{1};
  std::map<std::string, KmsKey> keys_;
  std::map<std::string, Json> secrets_;  // members of the answer
  std::map<std::string, int> calls_;
  int served_ = 0;
};

}  // namespace sluice::servers
