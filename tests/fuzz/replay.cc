// tests/fuzz/replay.cc: in place of libFuzzer: gives each file of a folder to the target once, and
// each of its prefixes of up to 256 bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  constexpr std::size_t kPrefixBytesMax = 256;
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::vector<char> text(std::istreambuf_iterator<char>(file), {});
      std::printf("%s\n", entry.path().c_str());
      std::fflush(stdout);
      const auto* data = reinterpret_cast<const std::uint8_t*>(text.data());
      LLVMFuzzerTestOneInput(data, text.size());
      for (std::size_t size = 0; size < std::min(text.size(), kPrefixBytesMax); ++size) {
        const std::vector<std::uint8_t> prefix(data, data + size);  // so that its end is guarded
        LLVMFuzzerTestOneInput(prefix.data(), prefix.size());
      }
      ++files;
    }
  }
  return files == 0 ? 1 : 0;  // a corpus that is not there proves nothing
}
