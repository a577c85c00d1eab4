// What a pool does with both Java drivers: java -cp JARS Pool.java URL
import com.zaxxer.hikari.*;
import java.sql.*;
import java.util.*;
import java.util.concurrent.*;

public class Pool {
    static final int SIZE = 4;

    static long number(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getLong(1);
        }
    }

    static void expect(long got, long expected) {
        if (got != expected) throw new AssertionError(got + " is not " + expected);
    }

    public static void main(String[] arguments) throws Exception {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(arguments[0]);
        config.setUsername("admin");
        config.setPassword("admin");
        config.setMaximumPoolSize(SIZE);
        // What pools set and put back on each connection that changes hands.
        config.setReadOnly(true);
        config.setAutoCommit(false);
        config.setTransactionIsolation("TRANSACTION_READ_COMMITTED");
        try (HikariDataSource pool = new HikariDataSource(config)) {
            System.out.println("connect");
            ExecutorService threads = Executors.newFixedThreadPool(2 * SIZE);
            List<Future<Long>> answers = new ArrayList<>();
            for (int n = 1; n <= 100; n++) {
                final int key = n;
                answers.add(threads.submit(() -> {
                    try (Connection connection = pool.getConnection()) {
                        long found = number(connection, "SELECT objectId FROM Object WHERE objectId = " + key);
                        connection.commit();
                        return found;
                    }
                }));
            }
            for (int n = 1; n <= 100; n++) expect(answers.get(n - 1).get(), n);
            System.out.println("query");
            try (Connection connection = pool.getConnection();
                    PreparedStatement statement = connection.prepareStatement("SELECT COUNT(*) FROM Object WHERE objectId < ?")) {
                statement.setInt(1, 5);
                ResultSet rows = statement.executeQuery();
                rows.next();
                expect(rows.getLong(1), 4);
            }
            System.out.println("prepare");
            // A connection that was killed is replaced by the pool.
            Connection killed = pool.getConnection();
            long id = number(killed, "SELECT CONNECTION_ID()");
            try (Connection other = pool.getConnection(); Statement kill = other.createStatement()) {
                kill.execute("KILL " + id);
                other.commit();
            }
            try {
                killed.close();
            } catch (SQLException rollback) {
                // Connector/J tells the server to roll back, which is gone.
            }
            // The pool trusts connections that were used just now.
            Thread.sleep(1000);
            for (int n = 0; n < 2 * SIZE; n++) {
                try (Connection connection = pool.getConnection()) {
                    expect(number(connection, "SELECT 1"), 1);
                }
            }
            System.out.println("reconnect");
            threads.shutdown();
        }
    }
}
