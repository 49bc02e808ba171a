#include "sluice/aws/sqs_options.hpp"

#include <vector>

#include "sluice/aws/service_options.hpp"
#include "sluice/aws/uri.hpp"
#include "sluice/core/words.hpp"

namespace sluice::aws {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// "sqs.eu-central-1.amazonaws.com" -> "eu-central-1"; empty for other hosts.
std::string_view region_of_host(std::string_view host) {
  if (!host.starts_with("sqs.") || host.find(".amazonaws.com") == std::string_view::npos) return {};
  host.remove_prefix(4);
  return host.substr(0, host.find('.'));
}

Result<void> read_queue(const Settings& settings, SqsOptions& options) {
  const std::string text = settings.text("sqs");
  if (text.empty()) {
    return fail(wrong_setting(settings, "sqs", "is empty", "give the queue's name, URL or ARN"));
  }
  if (text.starts_with("arn:")) {
    const auto parts = split(text, ':');
    if (parts.size() != 6 || parts[2] != "sqs" || parts[3].empty() || parts[5].empty()) {
      return fail(wrong_setting(settings, "sqs", "is no ARN of a queue", "write arn:aws:sqs:REGION:ACCOUNT:NAME"));
    }
    options.region = parts[3];
    options.account = parts[4];
    options.name = parts[5];
    return {};
  }
  if (text.find("://") == std::string::npos) {
    if (text.find_first_of("/: ?&#") != std::string::npos) {
      return fail(wrong_setting(settings, "sqs", "is no name of a queue", "give the queue's name, URL or ARN"));
    }
    options.name = text;
    return {};
  }
  const auto url = split_url(text);
  const std::size_t slash = url ? url->path.rfind('/') : std::string_view::npos;
  if (!url || slash == std::string_view::npos || slash + 1 == url->path.size() || !url->query.empty()) {
    return fail(wrong_setting(settings, "sqs", "is no URL of a queue", "write https://HOST/ACCOUNT/NAME"));
  }
  options.url = text;
  options.name = url->path.substr(slash + 1);
  options.region = region_of_host(url->host);
  options.endpoint = url->origin;
  return {};
}

Result<void> read_choices(const Settings& settings, SqsOptions& options) {
  const std::string protocol = settings.text("protocol", "auto");
  if (protocol == "json") {
    options.protocol = ProtocolChoice::json;
  } else if (protocol == "query") {
    options.protocol = ProtocolChoice::query;
  } else if (protocol != "auto" && !protocol.empty()) {
    const std::array<std::string, 3> known{"auto", "json", "query"};
    return fail(wrong_setting(settings, "protocol", "is '" + protocol + "'" + did_you_mean(protocol, known), ""));
  }
  const std::string key = settings.text("key", "auto");
  constexpr std::string_view attribute = "attribute:";
  if (key == "message_id") {
    options.key.from = KeyRule::From::message_id;
  } else if (key.starts_with(attribute) && key.size() > attribute.size()) {
    options.key.from = KeyRule::From::attribute;
    options.key.attribute = key.substr(attribute.size());
  } else if (key != "auto" && !key.empty()) {
    return fail(wrong_setting(settings, "key", "is '" + key + "'", "write auto, message_id or attribute:NAME"));
  }
  return {};
}

}  // namespace

Result<SqsOptions> read_sqs_options(const Settings& settings) {
  using std::chrono::seconds;
  SqsOptions options;
  options.connection = settings.connection;
  SLUICE_TRY(options.credentials, read_credentials(settings));
  SLUICE_TRY(options.insecure, settings.boolean("insecure", false));
  SLUICE_CHECK(read_queue(settings, options));
  SLUICE_TRY(ServiceEndpoint endpoint, read_endpoint(settings, {.service = "SQS",
                                                                .what = "queue " + options.name,
                                                                .region = options.region,
                                                                .endpoint = options.endpoint,
                                                                .profile = options.credentials.profile,
                                                                .insecure = options.insecure}));
  options.region = std::move(endpoint.region);
  options.endpoint = std::move(endpoint.url);
  if (!endpoint.own) options.endpoint = "https://sqs." + options.region + endpoint.domain();
  SLUICE_CHECK(read_choices(settings, options));

  SLUICE_TRY(const seconds visibility, settings.duration("visibility", seconds(0)));
  if (visibility != seconds(0)) {
    if (visibility < seconds(3) || visibility > seconds(43200)) {
      return fail(wrong_setting(settings, "visibility", "is out of range", "3s to 12h"));
    }
    options.visibility = visibility;
  }
  SLUICE_TRY(options.wait, settings.duration("wait", options.wait));
  if (options.wait > seconds(20))
    return fail(wrong_setting(settings, "wait", "is out of range", "SQS waits 20s at most"));
  SLUICE_TRY(options.retry_for, settings.duration("retry_for", options.retry_for));
  SLUICE_TRY(const std::int64_t receives, settings.integer("receives", 64, 1, 96));
  options.receives_max = static_cast<std::size_t>(receives);
  return options;
}

}  // namespace sluice::aws
