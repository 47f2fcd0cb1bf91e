import Glibc

// A process that shares a cache with others and may be killed; see ProcessTests.
exit(await SQLiteChild.run())
