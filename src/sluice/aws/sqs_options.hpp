// What a project file may say about an `sqs` connection, and what that means.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "sluice/aws/credentials.hpp"
#include "sluice/core/settings.hpp"

namespace sluice::aws {

inline constexpr std::array sqs_options{
    Option{"sqs", OptionType::text, "the queue: its name, URL or ARN"},
    Option{"region", OptionType::text, "AWS region; else of the ARN or URL, AWS_REGION, the profile"},
    Option{"endpoint", OptionType::text,
           "where to send requests instead of AWS; else AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL"},
    Option{"profile", OptionType::text, "profile of the shared AWS files; else AWS_PROFILE"},
    Option{"access_key_id_env", OptionType::text, "environment variable that holds the access key id"},
    Option{"secret_access_key_env", OptionType::text, "environment variable that holds the secret access key"},
    Option{"session_token_env", OptionType::text, "environment variable that holds the session token"},
    Option{"anonymous", OptionType::boolean, "send requests unsigned"},
    Option{"protocol", OptionType::text, "auto, json or query; auto finds out with the first call"},
    Option{"insecure", OptionType::boolean, "allow plain http to any host"},
    Option{"visibility", OptionType::duration,
           "how long a received message is hidden, 3s to 12h; else the queue's own"},
    Option{"wait", OptionType::duration, "how long a receive of an empty queue waits, at most 20s"},
    Option{"key", OptionType::text, "what tells messages apart: auto, message_id or attribute:NAME"},
    Option{"receives", OptionType::integer, "receives in flight at most, 1 to 96"},
    Option{"retry_for", OptionType::duration, "how long to go on without one good answer"},
};

enum class ProtocolChoice { automatic, json, query };

// What a message's key is made of; see sqs_message.hpp.
struct KeyRule {
  enum class From { automatic, message_id, deduplication_id, attribute };
  From from = From::automatic;
  std::string attribute{};  // its name, with From::attribute
};

struct SqsOptions {
  std::string connection;  // its name in the project, for messages
  std::string name;        // of the queue
  std::string url;         // of the queue, where the project gives it; else empty
  std::string account;     // of an ARN; else empty
  std::string region;
  std::string endpoint;  // scheme, host, port and perhaps a path, without '/' at the end
  CredentialsOptions credentials;
  ProtocolChoice protocol = ProtocolChoice::automatic;
  bool insecure = false;
  std::optional<std::chrono::seconds> visibility;  // empty: the queue's own
  std::chrono::seconds wait{20};
  KeyRule key;
  std::size_t receives_max = 64;
  std::chrono::seconds retry_for{300};

  std::string place() const { return "sqs " + name; }  // for messages
};

Result<SqsOptions> read_sqs_options(const Settings& settings);

}  // namespace sluice::aws
