import Glibc

// A writer that is meant to be killed; see CrashTests.
exit(CrashChild.run())
