// Child processes of a test: started with arguments and environment, waited for, killed; what they say on
// stdout and stderr is kept in files, so that no pipe fills up. Throws std::runtime_error when a process
// cannot be started, since no test can go on then.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::support {

// A folder of its own below the system's temporary one; removed at the end.
class TempFolder {
 public:
  explicit TempFolder(const std::string& name);
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Command {
  std::vector<std::string> arguments;                               // the first is the program, looked up in PATH
  std::map<std::string, std::optional<std::string>> environment{};  // added to ours; empty: taken out
  std::string folder{};                                             // to work in; empty: ours
};

struct Ended {
  int code = 0;  // of the exit; -1: ended by a signal
  int signal = 0;
  std::string out;
  std::string err;
};

class Process {
 public:
  explicit Process(const Command& command);
  ~Process();  // kills it
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void send_signal(int number) const;
  // Empty: it still runs after `longest`.
  std::optional<Ended> wait(std::chrono::milliseconds longest);
  bool running();
  std::string out() const;  // so far
  std::string err() const;

 private:
  TempFolder folder_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

// Runs to the end, 2 minutes at most.
Ended run(const Command& command);

// A TCP port of 127.0.0.1 on which nobody listens at the moment.
int free_port();

}  // namespace sluice::support
