"""A reference table by mariadb-dump, all of it."""

import subprocess

from common import HOST, PASSWORD, PORT, USER, done, equal

# In one transaction, as archives are dumped that others write to; LOCK TABLES is refused.
command = ["mariadb-dump", f"--host={HOST}", f"--port={PORT}", f"--user={USER}", f"--password={PASSWORD}"]
command += ["--single-transaction", "--skip-extended-insert", "sky", "Filter"]
dump = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines()
done("connect")
equal(sum(line.startswith("CREATE TABLE `Filter`") for line in dump), 1)
equal(sum(line.startswith("INSERT INTO `Filter`") for line in dump), 6)
assert dump[-1].startswith("-- Dump completed"), dump[-1]
done("query")
