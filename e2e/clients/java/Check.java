// What both Java drivers are asked to do: java -cp JARS Check.java URL
import java.sql.*;
import java.util.Properties;

public class Check {
    static final String LONG = "SELECT COUNT(*) FROM Source a JOIN Source b USING (objectId) JOIN Source c USING (objectId) "
        + "JOIN Source d USING (objectId) JOIN Source e USING (objectId) JOIN Source f USING (objectId) "
        + "JOIN Source g USING (objectId) JOIN Source h USING (objectId) "
        + "WHERE a.psfFlux * b.psfFlux + c.psfFlux * d.psfFlux > RAND()";

    static void expect(Object got, Object expected) {
        if (!String.valueOf(got).equals(String.valueOf(expected))) throw new AssertionError(got + " is not " + expected);
    }

    static ResultSet row(PreparedStatement statement, Object... values) throws SQLException {
        for (int n = 0; n < values.length; n++) statement.setObject(n + 1, values[n]);
        ResultSet rows = statement.executeQuery();
        rows.next();
        return rows;
    }

    public static void main(String[] arguments) throws Exception {
        Properties login = new Properties();
        login.put("user", "admin");
        login.put("password", "admin");
        try (Connection connection = DriverManager.getConnection(arguments[0], login)) {
            System.out.println("connect");
            try (Statement statement = connection.createStatement()) {
                ResultSet rows = statement.executeQuery("SELECT COUNT(*) FROM Object");
                rows.next();
                expect(rows.getLong(1), 2000);
                statement.setMaxRows(3);
                rows = statement.executeQuery("SELECT objectId FROM Object");
                int count = 0;
                while (rows.next()) count++;
                expect(count, 3);
            }
            try (ResultSet columns = connection.getMetaData().getColumns("sky", null, "Object", "objectId")) {
                expect(columns.next(), true);
            }
            System.out.println("query");
            try (PreparedStatement statement = connection.prepareStatement("SELECT ? IS NULL, COALESCE(?, 9)")) {
                ResultSet rows = row(statement, null, 5);
                expect(rows.getInt(1), 1);
                expect(rows.getInt(2), 5);
            }
            String counted = "SELECT COUNT(*) FROM Object WHERE (? IS NULL OR objectId < ?) AND objectId < ?";
            try (PreparedStatement statement = connection.prepareStatement(counted)) {
                for (int again = 0; again < 2; again++) expect(row(statement, null, 2, 5).getInt(1), 4);
            }
            System.out.println("prepare");
            // Whole seconds: Connector/J takes MariaDB for a server without fractions of them.
            Timestamp moment = Timestamp.valueOf("2024-02-29 01:02:03");
            try (PreparedStatement statement = connection.prepareStatement("SELECT ?, ?, ?, CAST(? AS DATETIME(6)) = TIMESTAMP'2024-02-29 01:02:03'")) {
                ResultSet rows = row(statement, 9007199254740993L, "é'\\", 0.1, moment);
                expect(rows.getLong(1), 9007199254740993L);
                expect(rows.getString(2), "é'\\");
                expect(rows.getDouble(3), 0.1);
                expect(rows.getInt(4), 1);
            }
            System.out.println("types");
            try (Statement statement = connection.createStatement()) {
                statement.setQueryTimeout(1);
                statement.executeQuery(LONG);
                throw new AssertionError("was not cancelled");
            } catch (SQLException stopped) {
                if (!(stopped instanceof SQLTimeoutException) && stopped.getErrorCode() != 1317) throw stopped;
            }
            try (Statement statement = connection.createStatement()) {
                statement.executeQuery("SELECT 2").next();
            }
            System.out.println("cancel");
            connection.setAutoCommit(false);
            connection.commit();
            connection.setReadOnly(true);
        }
        try (Connection connection = DriverManager.getConnection(arguments[0], login)) {
            connection.createStatement().executeQuery("SELECT 1").next();
        }
        System.out.println("reconnect");
    }
}
