/** Small tables of common knowledge: the generator asks from them, and the lookup solver has them open. */
export interface Country {
  readonly name: string;
  readonly capital: string;
  readonly currency: string;
  readonly continent: string;
}

export const countries: readonly Country[] = `
France|Paris|euro|Europe;Germany|Berlin|euro|Europe;Italy|Rome|euro|Europe;Spain|Madrid|euro|Europe;Portugal|Lisbon|euro|Europe
Japan|Tokyo|yen|Asia;China|Beijing|yuan|Asia;India|New Delhi|rupee|Asia;Canada|Ottawa|dollar|North America
Brazil|Brasilia|real|South America;Argentina|Buenos Aires|peso|South America;Chile|Santiago|peso|South America
Peru|Lima|sol|South America;Colombia|Bogota|peso|South America;Mexico|Mexico City|peso|North America;Egypt|Cairo|pound|Africa
Kenya|Nairobi|shilling|Africa;Nigeria|Abuja|naira|Africa;Ghana|Accra|cedi|Africa;Morocco|Rabat|dirham|Africa
Ethiopia|Addis Ababa|birr|Africa;Senegal|Dakar|franc|Africa;Norway|Oslo|krone|Europe;Sweden|Stockholm|krona|Europe
Finland|Helsinki|euro|Europe;Denmark|Copenhagen|krone|Europe;Poland|Warsaw|zloty|Europe;Hungary|Budapest|forint|Europe
Romania|Bucharest|leu|Europe;Greece|Athens|euro|Europe;Turkey|Ankara|lira|Asia;Ukraine|Kyiv|hryvnia|Europe
Ireland|Dublin|euro|Europe;Iceland|Reykjavik|krona|Europe;Vietnam|Hanoi|dong|Asia;Thailand|Bangkok|baht|Asia
Indonesia|Jakarta|rupiah|Asia;Malaysia|Kuala Lumpur|ringgit|Asia;Philippines|Manila|peso|Asia;Mongolia|Ulaanbaatar|togrog|Asia
Kazakhstan|Astana|tenge|Asia;Nepal|Kathmandu|rupee|Asia;Bangladesh|Dhaka|taka|Asia;Australia|Canberra|dollar|Oceania
New Zealand|Wellington|dollar|Oceania;Fiji|Suva|dollar|Oceania;Cuba|Havana|peso|North America;Jamaica|Kingston|dollar|North America
Panama|Panama City|balboa|North America;Uruguay|Montevideo|peso|South America;Paraguay|Asuncion|guarani|South America
Ecuador|Quito|dollar|South America;Croatia|Zagreb|euro|Europe;Serbia|Belgrade|dinar|Europe;Bulgaria|Sofia|lev|Europe
Latvia|Riga|euro|Europe;Estonia|Tallinn|euro|Europe;Lithuania|Vilnius|euro|Europe;Austria|Vienna|euro|Europe`
  .trim()
  .split(/[;\n]/)
  .map((line) => {
    const [name, capital, currency, continent] = line.split('|') as [string, string, string, string];
    return { name, capital, currency, continent };
  });

export interface Element {
  readonly name: string;
  readonly symbol: string;
  readonly number: number;
}

export const elements: readonly Element[] =
  'Hydrogen H,Helium He,Lithium Li,Beryllium Be,Boron B,Carbon C,Nitrogen N,Oxygen O,Fluorine F,Neon Ne,Sodium Na,Magnesium Mg,Aluminium Al,Silicon Si,Phosphorus P,Sulfur S,Chlorine Cl,Argon Ar,Potassium K,Calcium Ca,Scandium Sc,Titanium Ti,Vanadium V,Chromium Cr,Manganese Mn,Iron Fe,Cobalt Co,Nickel Ni,Copper Cu,Zinc Zn,Gallium Ga,Germanium Ge,Arsenic As,Selenium Se,Bromine Br,Krypton Kr'
    .split(',')
    .map((line, i) => {
      const [name, symbol] = line.split(' ') as [string, string];
      return { name, symbol, number: i + 1 };
    });

/** Planets from the Sun outwards. */
export const planets = 'Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune'.split(' ');

export interface Work {
  readonly title: string;
  readonly maker: string;
  readonly year: number;
}

/** Books, plays and operas with their makers and the year they first came out. */
export const works: readonly Work[] = `
Pride and Prejudice|Jane Austen|1813;Emma|Jane Austen|1815;Frankenstein|Mary Shelley|1818;Moby-Dick|Herman Melville|1851
Great Expectations|Charles Dickens|1861;War and Peace|Leo Tolstoy|1869;Middlemarch|George Eliot|1871;Dracula|Bram Stoker|1897
Carmen|Georges Bizet|1875;La Traviata|Giuseppe Verdi|1853;The Magic Flute|Wolfgang Amadeus Mozart|1791;Tosca|Giacomo Puccini|1900
Ulysses|James Joyce|1922;Mrs Dalloway|Virginia Woolf|1925;The Trial|Franz Kafka|1925;Jane Eyre|Charlotte Bronte|1847
Madame Bovary|Gustave Flaubert|1857;Crime and Punishment|Fyodor Dostoevsky|1866;Don Quixote|Miguel de Cervantes|1605;Walden|Henry David Thoreau|1854`
  .trim()
  .split(/[;\n]/)
  .map((line) => {
    const [title, maker, year] = line.split('|') as [string, string, string];
    return { title, maker, year: Number(year) };
  });
