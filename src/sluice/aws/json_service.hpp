// Calls to a service that speaks AWS JSON 1.1, one after the other, tried again while the network or the service is at
// fault; what it refuses becomes one sentence that names the thing and says what to do.
//
// Credentials come from the environment, as docs/aws-credentials.md has them. Answers hold secrets: they are wiped.
#pragma once

#include <openssl/crypto.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sluice/core/clock.hpp"
#include "sluice/core/result.hpp"

namespace sluice::aws {

// What an error of a service means. Codes that all of AWS shares need no row.
struct ServiceError {
  std::string_view code;
  Fault fault;
  std::string_view what;  // "is disabled", after the thing's name
  std::string_view hint;
};

struct ServiceKind {
  std::string_view name;      // "kms": in host names and signatures
  std::string_view variable;  // "KMS", as in AWS_ENDPOINT_URL_KMS
  std::string_view target;    // "TrentService"
  std::span<const ServiceError> errors;
};

// The body of an answer, wiped when it goes.
class SecretAnswer {
 public:
  explicit SecretAnswer(std::string body) : body_(std::move(body)) {}
  ~SecretAnswer() { OPENSSL_cleanse(body_.data(), body_.capacity()); }
  SecretAnswer(SecretAnswer&& other) noexcept { body_.swap(other.body_); }
  SecretAnswer& operator=(SecretAnswer&& other) noexcept {
    body_.swap(other.body_);
    return *this;
  }

  // The text of a member of the outermost object, in place, once; empty if there is none, or it holds escapes that no
  // key and no name needs. No JSON library sees it: those keep copies.
  std::string_view text(std::string_view name);

 private:
  std::string body_;
};

// One thread uses it.
class JsonService {
 public:
  // `arn`: of the thing that is asked for, whose region counts; anything else, and the environment's does. `thing`:
  // what it is called in errors.
  static Result<std::unique_ptr<JsonService>> open(const ServiceKind& kind, std::string_view arn,
                                                   const std::string& thing, const Clock& clock);
  ~JsonService();

  // `thing` is named in errors: "the KMS key alias/sluice".
  Result<SecretAnswer> call(std::string_view action, const std::string& body, const std::string& thing);

 private:
  class Impl;
  explicit JsonService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::aws
